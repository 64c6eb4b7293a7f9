// Reads a Prisma schema and says what Prisma makes of it.
const prisma = require("@prisma/prisma-schema-wasm");
const schema = require("node:fs").readFileSync(0, "utf8");
const files = [["schema.prisma", schema]];
const params = JSON.stringify({ prismaSchema: files, noColor: true });
const answer = { error: "", lint: JSON.parse(prisma.lint(JSON.stringify(files))) };
try {
  prisma.validate(params);
  answer.datamodel = JSON.parse(prisma.get_dmmf(params)).datamodel;
  const style = { textDocument: { uri: "file:/schema.prisma" }, options: { tabSize: 2, insertSpaces: true } };
  answer.formatted = JSON.parse(prisma.format(JSON.stringify(files), JSON.stringify(style)))[0][1];
} catch (e) {
  answer.error = e.message;
}
console.log(JSON.stringify(answer));
