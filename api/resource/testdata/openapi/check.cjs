// Checks the description on standard input, and prints its errors.
const {readFileSync} = require("node:fs")

const main = async () => {
  const {Validator} = await import(require.resolve("@seriousme/openapi-schema-validator"))
  const validator = new Validator()
  const result = await validator.validate(JSON.parse(readFileSync(0, "utf8")))
  const {openapi} = validator.specification ?? {}
  console.log(JSON.stringify({valid: result.valid, version: validator.version, openapi, errors: result.errors}))
}
main()
