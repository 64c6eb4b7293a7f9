// Lets Go drive seaport-js: one JSON request a line on standard input, one JSON answer a
// line on standard output, in the same order:
//
//	{"do": "create", "account": "0x…", "inputs": [{"offer": […], "consideration": […]}]}
//	{"result": [{"parameters": {…}, "signature": "0x…", "hash": "0x…", "units": "4", "criteria": […]}]}
//
// or {"error": "…"}. Nothing is sent to the node: what would be a transaction is answered
// as {"to", "data", "value"}, for Go to send.
const readline = require("node:readline")
const { JsonRpcProvider, HDNodeWallet, Mnemonic, Network, getAddress, toBeHex } = require("ethers")
const { Seaport, getMaximumSizeForOrder } = require("@opensea/seaport-js")
const { MerkleTree } = require("@opensea/seaport-js/lib/utils/merkletree")

// The accounts of anvil.
const phrase = Mnemonic.fromPhrase("test test test test test test test test test test test junk")

let provider
const markets = new Map() // by account: a Seaport that signs for it

function seaport(account) {
	const market = markets.get(getAddress(account))
	if (!market) throw new Error(`no signer for ${account}`)
	return market
}

function described(order, identifiers) {
	return {
		...order,
		hash: seaport(order.parameters.offerer).getOrderHash(order.parameters),
		units: getMaximumSizeForOrder(order).toString(),
		criteria: identifiers?.map(identifier => ({ identifier, proof: new MerkleTree(identifiers).getProof(identifier) })),
	}
}

async function exchange(useCase) {
	const { actions } = await useCase
	if (actions.length !== 1) throw new Error(`${actions[0].token} is not approved`)
	return transaction(actions[0].transactionMethods)
}

async function transaction(methods) {
	const { to, data, value } = await methods.buildTransaction()
	return { to, data, value: toBeHex(value ?? 0n).replace(/^0x0(?=.)/, "0x") }
}

function fill({ order, units, criteria }) {
	return {
		order,
		unitsToFill: units,
		considerationCriteria: criteria ? [criteria] : [],
	}
}

const requests = {
	// wallets: smart wallets by the account that signs for them.
	connect({ url, chain, conduitKey, conduit, wallets }) {
		const network = Network.from(chain)
		provider = new JsonRpcProvider(url, network, { staticNetwork: network, batchMaxCount: 1, cacheTimeout: -1 })
		const config = {
			// An offer without balance or approval is what tests are about.
			balanceAndApprovalChecksOnOrderCreation: false,
			conduitKeyToConduit: { [conduitKey]: conduit },
		}
		for (let i = 0; i < 10; i++) {
			const signer = HDNodeWallet.fromMnemonic(phrase, `m/44'/60'/0'/0/${i}`).connect(provider)
			const market = new Seaport(signer, config)
			for (const account of [signer.address, ...(wallets[signer.address] ?? [])]) {
				markets.set(getAddress(account), market)
			}
		}
	},

	// Signs one order, or several as a bulk order.
	async create({ account, inputs }) {
		const market = seaport(account)
		const { actions } = inputs.length === 1
			? await market.createOrder(inputs[0], account)
			: await market.createBulkOrders(inputs, account)
		const orders = inputs.length === 1 ? [await actions[0].createOrder()] : await actions[0].createBulkOrders()
		return orders.map((order, i) => described(order, wanted(inputs[i])))
	},

	async validate({ account, orders }) {
		return transaction(seaport(account).validate(orders, account))
	},

	async fulfill({ account, conduitKey, fills: [one] }) {
		return exchange(seaport(account).fulfillOrder({ ...fill(one), accountAddress: account, conduitKey }))
	},

	async fulfillAvailable({ account, conduitKey, fills }) {
		return exchange(seaport(account).fulfillOrders({
			fulfillOrderDetails: fills.map(fill),
			accountAddress: account,
			conduitKey,
		}))
	},

	async match({ account, orders, fulfillments, value }) {
		return transaction(seaport(account).matchOrders({
			orders,
			fulfillments,
			accountAddress: account,
			overrides: { value },
		}))
	},

	async cancel({ account, orders }) {
		return transaction(seaport(account).cancelOrders(orders.map(order => order.parameters), account))
	},

	async bulkCancel({ account }) {
		return transaction(seaport(account).bulkCancelOrders(account))
	},
}

// wanted returns the identifiers that an order's criteria allow.
function wanted(input) {
	return [...input.offer, ...input.consideration].find(item => item.identifiers)?.identifiers
}

async function main() {
	for await (const line of readline.createInterface({ input: process.stdin })) {
		let answer
		try {
			const { do: name, ...request } = JSON.parse(line)
			answer = { result: (await requests[name](request)) ?? null }
		} catch (error) {
			answer = { error: String(error?.shortMessage ?? error?.message ?? error) }
		}
		process.stdout.write(JSON.stringify(answer) + "\n")
	}
}

main().then(() => process.exit(0))
