// Package yamlfile reads the YAML files that people write, by a JSON Schema, and reports
// all that is wrong with a file, each problem at its place.
//
// Guarantees:
//   - A file is bounded before the parser sees it: its size, its tokens, its nesting. What
//     aliases stand for is bounded, too.
//   - All problems are reported together, as file:line:column, with the source line and a
//     caret. A value that came from the environment names its variable instead.
//   - A secret is not shown: neither the value of an option that the schema marks
//     writeOnly, nor that of an option that it does not know, which may be a misspelt one.
//   - What is decoded is valid: a value with a problem counts as missing.
//
// Of the schema {"properties": {"poll": {"type": "integer", "minimum": 1, "maximum": 9}, "url":
// {"writeOnly": true}}, "additionalProperties": false} and the file
//
//	poll: 12
//	ulr: https://host/KEY
//
// the problems are
//
//	c.yaml:1:7: poll: "12" is not an integer from 1 to 9
//	    1 | poll: 12
//	      |       ^
//	c.yaml:2:1: ulr: unknown option (did you mean url?): known here are poll, url
//	    2 | ulr: …
//	      | ^
//
// The order is Parse, Override (for files whose options the environment overrides), Check,
// and then Decode or the Node methods; what only code can judge is reported with Node.Add,
// and Err has all problems.
package yamlfile
