// Reads an Aptos node with the official SDK: read.js URL VERSION ACCOUNT RESOURCE FIELD.
const { Aptos, AptosConfig, Network, getAptosFullNode } = require("@aptos-labs/ts-sdk");

console.log = console.info = console.error; // where the SDK notes things

async function main([url, version, account, resource, field]) {
  const aptosConfig = new AptosConfig({ network: Network.CUSTOM, fullnode: url });
  const aptos = new Aptos(aptosConfig);
  const transaction = await aptos.getTransactionByVersion({ ledgerVersion: BigInt(version) });
  const { data: events } = await getAptosFullNode({
    aptosConfig,
    originMethod: "events",
    path: `accounts/${account}/events/${resource}/${field}`,
    params: { start: 0, limit: 100 },
  });
  let missing;
  try {
    await aptos.getTransactionByVersion({ ledgerVersion: 9_000_000_000 });
  } catch (error) {
    missing = { status: error.status, code: error.data && error.data.error_code };
  }
  process.stdout.write(JSON.stringify({
    ledger: await aptos.getLedgerInfo(),
    chainId: await aptos.getChainId(),
    transaction,
    byHash: await aptos.getTransactionByHash({ transactionHash: transaction.hash }),
    page: await aptos.getTransactions({ options: { offset: Number(version) - 1, limit: 3 } }),
    handles: await aptos.getAccountResource({ accountAddress: account, resourceType: resource }),
    events,
    missing,
  }, (_, value) => (typeof value === "bigint" ? value.toString() : value)));
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
