// Makes signatures.json: orders signed by seaport-js and ethers.
//   npm install --ignore-scripts @opensea/seaport-js@4.3.0 ethers@6 && node make.mjs > signatures.json
import { ethers } from "ethers"
import { Seaport } from "@opensea/seaport-js"
import { EIP_712_ORDER_TYPE } from "@opensea/seaport-js/lib/constants.js"
import { getBulkOrderTree } from "@opensea/seaport-js/lib/utils/eip712/bulk-orders.js"

const versions = {
  "1.1": "0x00000000006c3852cbEf3e08E8dF289169EdE581", "1.2": "0x00000000000006c7676171937C444f6BDe3D6282",
  "1.3": "0x0000000000000aD24e80fd803C6ac37206a45f15", "1.4": "0x00000000000001ad428e4906aE43D8F9852d0dD6",
  "1.5": "0x00000000000000ADc04C56Bf30aC9d3c0aAF14dC", "1.6": "0x0000000000000068F116a894984e2DB1123eB395",
}
const wallet = new ethers.Wallet("0x" + "42".repeat(32))
const at = n => ethers.getAddress("0x" + n.toString(16).padStart(40, "a"))

// order draws an order's components from a number.
function order(n, offerer = wallet.address) {
  const consideration = [
    { itemType: 0, token: ethers.ZeroAddress, identifierOrCriteria: "0", startAmount: String(5000000000000000000n - BigInt(n)), endAmount: "1000000000000000000", recipient: offerer },
    { itemType: 1, token: at(0xc02), identifierOrCriteria: "0", startAmount: "25", endAmount: "25", recipient: at(0xfee) },
  ].slice(0, n % 3)
  return {
    offerer, zone: n % 2 ? at(0x20e) : ethers.ZeroAddress,
    offer: [{ itemType: 2 + n % 4, token: at(0x721), identifierOrCriteria: n % 4 > 1 ? ethers.MaxUint256.toString() : String(n), startAmount: "1", endAmount: "1" }],
    consideration, orderType: n % 4, startTime: n % 2 ? 1700000000 : "1700000000", endTime: ethers.MaxUint256.toString(),
    zoneHash: ethers.ZeroHash, salt: "0x" + ethers.keccak256("0x" + n.toString(16).padStart(4, "0")).slice(2), conduitKey: n % 2 ? ethers.id("conduit") : ethers.ZeroHash,
    counter: n % 2 ? String(n) : ethers.MaxUint256.toString(), totalOriginalConsiderationItems: n % 3 === 1 ? 1 : String(n % 3),
  }
}

const out = []
const add = (name, version, chainId, parameters, signature, more = {}) => {
  const domain = { name: "Seaport", version, chainId, verifyingContract: versions[version] }
  out.push({
    name, version, chainId, contract: versions[version], ...more,
    hash: ethers.TypedDataEncoder.from(EIP_712_ORDER_TYPE).hashStruct("OrderComponents", parameters),
    separator: ethers.TypedDataEncoder.hashDomain(domain), digest: ethers.TypedDataEncoder.hash(domain, EIP_712_ORDER_TYPE, parameters),
    order: { parameters, signature },
  })
}
let n = 0
for (const version of Object.keys(versions)) for (const chainId of [1, 137]) {
  const domain = { name: "Seaport", version, chainId, verifyingContract: versions[version] }
  const parameters = order(++n)
  const signature = await wallet.signTypedData(domain, EIP_712_ORDER_TYPE, parameters)
  add("plain", version, chainId, parameters, signature)
  add("compact", version, chainId, parameters, ethers.Signature.from(signature).compactSerialized)
}

// seaport-js itself signs for 1.6 and 1.5, one order and bulk orders.
const provider = { getNetwork: async () => ({ chainId: 1n }) }
wallet.provider ?? Object.defineProperty(wallet, "provider", { value: provider })
for (const version of ["1.5", "1.6"]) {
  const seaport = new Seaport(wallet, { overrides: { seaportVersion: version, contractAddress: versions[version] } })
  const parameters = order(++n)
  add("seaport-js", version, 1, parameters, await seaport.signOrder(parameters))
  for (const size of [1, 2, 3, 7, 64]) {
    const all = Array.from({ length: size }, () => order(++n))
    const signed = await seaport.signBulkOrder(all)
    for (const i of new Set([0, Math.floor(size / 2), size - 1])) {
      const { signature, parameters } = signed[i]
      add("bulk", version, 1, parameters, signature, { height: Math.max(Math.ceil(Math.log2(size)), 1), index: i })
    }
  }
}

// Higher trees than seaport-js makes, of one order and 2^height - 1 equal ones.
for (const [height, plain] of [[8, true], [16, false], [24, true], [24, false]]) {
  const parameters = order(++n), types = getBulkOrderTree([parameters], 0, 1).types
  const leaf = ethers.TypedDataEncoder.from(EIP_712_ORDER_TYPE).hashStruct("OrderComponents", parameters)
  const index = (0xa5a5a5 & (2 ** height - 1)) >>> 0
  const proof = []
  let node = leaf
  for (let i = 0; i < height; i++) {
    proof.push(ethers.id("sibling " + i))
    node = ethers.keccak256(index >>> i & 1 ? ethers.concat([proof[i], node]) : ethers.concat([node, proof[i]]))
  }
  const encoder = ethers.TypedDataEncoder.from({ ...types, BulkOrder: [{ name: "tree", type: "OrderComponents" + "[2]".repeat(height) }] })
  const hash = ethers.keccak256(ethers.concat([ethers.id(encoder.encodeType("BulkOrder")), node]))
  const domain = ethers.TypedDataEncoder.hashDomain({ name: "Seaport", version: "1.6", chainId: 1, verifyingContract: versions["1.6"] })
  const signed = wallet.signingKey.sign(ethers.keccak256(ethers.concat(["0x1901", domain, hash])))
  const signature = ethers.concat([plain ? signed.serialized : signed.compactSerialized, ethers.toBeHex(index, 3), ...proof])
  add("bulk", "1.6", 1, parameters, signature, { height, index })
}

// Orders of a contract (EIP-1271): what it accepts is its own affair.
for (const signature of ["0x", "0x1234", "0x" + "ab".repeat(200), out[0].order.signature]) {
  const parameters = order(++n, at(0x1271))
  const call = new ethers.Interface(["function isValidSignature(bytes32,bytes)"])
  const domain = { name: "Seaport", version: "1.6", chainId: 1, verifyingContract: versions["1.6"] }
  add("contract", "1.6", 1, parameters, signature, { data: call.encodeFunctionData("isValidSignature", [ethers.TypedDataEncoder.hash(domain, EIP_712_ORDER_TYPE, parameters), signature]) })
}
console.log(JSON.stringify(out, null, 1))
