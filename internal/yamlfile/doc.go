// Package yamlfile reads YAML files that people write, checks them against a JSON Schema,
// and reports all problems of a file with their places.
//
// Guarantees:
//   - The size, the tokens, the nesting and the options in one place of a file are bounded
//     before it is parsed. The expansion of aliases is bounded, too.
//   - All problems are reported together, as file:line:column, with the source line and a
//     caret. A value that came from the environment names its variable instead.
//   - Secrets are not shown: neither the value of an option that the schema marks
//     writeOnly, nor that of an unknown option, whose name may be misspelt.
//   - Decoded values are valid: a value with a problem counts as missing.
//
// With the schema {"properties": {"poll": {"type": "integer", "minimum": 1, "maximum": 9},
// "url": {"writeOnly": true}}, "additionalProperties": false} and the file
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
// Call Parse, Override (for files whose options the environment overrides), Check, and then
// Decode or the methods of Node. Report problems that a schema cannot express with
// Node.Add. Err returns all problems.
package yamlfile
