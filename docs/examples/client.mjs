// Prints the floor price of a collection, and prints it again when it changes.
// node client.mjs http://127.0.0.1:9465 0x8a90CAb2b38dba80c64b7734e58Ee1dB38B8992e
const [base, collection] = process.argv.slice(2)
const headers = process.env.TOKEN ? {authorization: `Bearer ${process.env.TOKEN}`} : {}

const get = async (path, parameters) => {
  const response = await fetch(`${base}${path}?${new URLSearchParams(parameters)}`, {headers})
  if (!response.ok) throw new Error((await response.json()).detail)
  return response
}

let shown
const floor = async () => {
  const now = new Date().toISOString()
  const filter = `{"token.collection": "${collection}", side: "ask", status: "LISTING", unitPrice: {$gt: 0},
    "currency.symbol": "ETH", startsAt: {$not: {$gt: "${now}"}}, expiresAt: {$not: {$lte: "${now}"}}}`
  const response = await get("/orders", {filter, sort: "unitPrice", limit: 1})
  const [cheapest] = (await response.json()).data
  const text = cheapest ? `${cheapest.unitPrice} wei, #${cheapest.token.id}` : "nothing is for sale"
  if (text !== shown) console.log(shown = text)
  return response.headers.get("feed-position")
}

for (let position = await floor(); ; ) {
  const feed = await get("/feed", {after: position, collection: "orders", tokenCollection: collection})
  let text = ""
  for await (const part of feed.body.pipeThrough(new TextDecoderStream())) {
    const events = (text += part).split("\n\n")
    text = events.pop()
    for (const event of events) position = /^id: (.*)$/m.exec(event)?.[1] ?? position
    if (events.some(event => /^event: (put|removed)/m.test(event))) await floor()
  }
}
