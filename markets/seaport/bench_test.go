package seaport

import (
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
)

// spread gives every log a transaction of its own, as most have.
func spread(raws []markets.Raw) []markets.Raw {
	for i := range raws {
		raws[i].Position.Height = int64(i)
	}
	return raws
}

func benchmark(b *testing.B, stream string, raws []markets.Raw) {
	s := streamOf(b, stream)
	for b.Loop() {
		if _, failures := s.DecodeAll(raws); len(failures) > 0 {
			b.Fatal(failures[0].Reason)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(raws)), "ns/event")
}

func people(n int) (seller, buyer common.Address) {
	return common.BigToAddress(big.NewInt(int64(n))), common.BigToAddress(big.NewInt(int64(n + 1<<20)))
}

func BenchmarkListed(b *testing.B) {
	build := newBuilder(b)
	for n := range 1000 {
		seller, _ := people(n)
		build.validated(byte(n), orderParameters{
			Offerer: seller, Offer: []offerItem{offered(erc721, collection, int64(n), 1)},
			Consideration: []considerationItem{asked(nativeCoin, nobody, 0, 9e15, seller), asked(nativeCoin, nobody, 0, 1e15, market)},
			EndTime:       big.NewInt(1_900_000_000),
		})
	}
	benchmark(b, "list", spread(build.raws))
}

func BenchmarkBought(b *testing.B) {
	build := newBuilder(b)
	for n := range 1000 {
		seller, buyer := people(n)
		build.filled(byte(n), seller, buyer, []item{nft(uint64(n))}, []item{eth(9e15, seller), eth(1e15, market), eth(1e14, market)})
	}
	benchmark(b, "buy", spread(build.raws))
}

func BenchmarkMatched(b *testing.B) {
	build := newBuilder(b)
	build.filled(1, buyer, seller, []item{weth(100)}, []item{nft(7, buyer), weth(10, market)})
	build.filled(2, seller, seller, []item{nft(7)}, []item{weth(90, seller)})
	build.match(1, 2)
	var raws []markets.Raw
	for n := range 300 {
		for _, raw := range build.raws {
			raw.Position.Height = int64(n)
			raws = append(raws, raw)
		}
	}
	benchmark(b, "buy", raws)
}
