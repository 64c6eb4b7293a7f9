// Package failpoint kills the process at named points, to test what a crash exactly there
// leaves behind. Only programs built with the tag failpoints have such points.
//
// The points are before and after every step that crosses one of four seams, so that a new
// commit or message has its points without being told:
//
//	an actor and its mailbox       devnet/seaport/list/log: after messages.Execute
//	the store and MongoDB          devnet/seaport/list/log: before insert activities
//	the store and SQLite           before INSERT INTO activities
//	SQLite and its files           after write to the WAL
//
// The first two begin with the actor for which the step is made, if there is one.
//
// The process is told by its environment:
//
//	FAILPOINTS=NAME#3;NAME#1 kills it when it reaches a point for the third time, or
//	another one for the first time
//	FAILPOINTS_TRACE=FILE has it append the name of every point that it reaches
package failpoint
