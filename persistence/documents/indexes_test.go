package documents

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Each index serves what it is there for: the server walks it, sorts nothing itself
// and looks at no more than what it returns and the key behind it.
func TestIndexesServeTheirQueries(t *testing.T) {
	db := open(t)
	collections := map[string]*mongo.Collection{}
	unserved := map[string]bool{}
	for _, c := range Collections() {
		collections[c.Name] = create(t, db, c)
		for _, index := range c.Indexes {
			unserved[c.Name+" "+index.Name] = true
		}
	}
	fill(t, collections)

	stream := bson.D{{Key: "chain", Value: "c"}, {Key: "market", Value: "m"}, {Key: "stream", Value: "list"}, {Key: "seq", Value: bson.D{{Key: "$gt", Value: int64(90)}}}}
	along := bson.D{{Key: "seq", Value: 1}, {Key: "position.height", Value: 1}, {Key: "position.tx", Value: 1}, {Key: "position.log", Value: 1}, {Key: "position.sub", Value: 1}}
	back := bson.D{{Key: "seq", Value: -1}, {Key: "position.height", Value: -1}, {Key: "position.tx", Value: -1}, {Key: "position.log", Value: -1}, {Key: "position.sub", Value: -1}}
	newest := bson.D{{Key: "time", Value: -1}}
	for _, q := range []struct {
		collection, index string
		filter, sort      bson.D
	}{
		{persistence.Orders, "maker_id", bson.D{{Key: "maker", Value: "0x7"}, {Key: "_id", Value: bson.D{{Key: "$gt", Value: "c/m/"}}}}, bson.D{{Key: "_id", Value: 1}}},
		{persistence.Orders, "maker_nonce", bson.D{in("maker", "0x"), in("nonce", "7"), {Key: "_id", Value: bson.D{{Key: "$gt", Value: "c/m/"}}}}, bson.D{{Key: "_id", Value: 1}}},
		{persistence.Orders, "token", bson.D{{Key: "token.collection", Value: "0x7"}, {Key: "token.id", Value: "7"}}, nil},
		{persistence.Orders, "floor", alive("0x7", in("currency.address", "0x"), future), by("unitPriceSort")},
		{persistence.Orders, "floor", alive("0x7", in("currency.address", "0x"), future, in("quantity", "1"), in("endPriceSort", nil)), by("unitPriceSort")},
		{persistence.Orders, "token", alive("0x", in("token.id", "7"), in("criteria", "0x"), in("currency.address", "0x"), future), by("-unitPriceSort")},
		{persistence.Orders, "auctions", alive("0x", in("currency.address", "0x"), bson.E{Key: "endPriceSort", Value: exists}, future), nil},
		{persistence.Orders, "newest", alive("0x7", future), by("-listedAt")},
		{persistence.Orders, "maker", bson.D{{Key: "maker", Value: "0x7"}, {Key: "side", Value: "ask"}, {Key: "status", Value: "LISTING"}, future}, by("-listedAt")},
		{persistence.Orders, "maker_fillable", bson.D{{Key: "maker", Value: "0x"}, {Key: "side", Value: "ask"}, {Key: "status", Value: "LISTING"}, in("fillable.answer", "no")}, by("-listedAt")},
		{persistence.Orders, "taker", bson.D{{Key: "taker", Value: "0x8"}}, by("-filledAt")},
		{persistence.Orders, "reserved", bson.D{{Key: "reservedFor", Value: "0x9"}, {Key: "status", Value: "LISTING"}, future}, by("-listedAt")},
		{persistence.Orders, "market_status_price", bson.D{{Key: "market", Value: "other"}, {Key: "status", Value: "SOLD"}, {Key: "priceSort", Value: bson.D{{Key: "$gte", Value: SortFormOf("90")}}}}, bson.D{{Key: "priceSort", Value: -1}}},
		{persistence.Orders, "open", bson.D{in("chain", "c"), in("market", "m"), in("open", true), {Key: "checked.height", Value: bson.D{{Key: "$gt", Value: int64(90)}}}}, bson.D{{Key: "checked.height", Value: 1}, {Key: "_id", Value: 1}}},
		{persistence.Orders, "height", bson.D{{Key: "chain", Value: "c"}, {Key: "last.height", Value: bson.D{{Key: "$gt", Value: int64(90)}}}}, bson.D{{Key: "last.height", Value: -1}}},

		{persistence.Activities, "stream_position", stream, along},
		{persistence.Activities, "stream_position", stream, back},
		{persistence.Activities, "order", bson.D{{Key: "order", Value: "0x7"}}, by("position")},
		{persistence.Activities, "concerns", bson.D{{Key: "chain", Value: "c"}, {Key: "market", Value: "m"}, {Key: "concerns", Value: "token:0x7:7"}}, nil},
		{persistence.Activities, "token", bson.D{{Key: "token.collection", Value: "0x7"}, {Key: "token.id", Value: "7"}}, newest},
		{persistence.Activities, "collection", bson.D{{Key: "token.collection", Value: "0x7"}, {Key: "kind", Value: "listed"}}, newest},
		{persistence.Activities, "from", bson.D{{Key: "from", Value: "0x7"}}, newest},
		{persistence.Activities, "to", bson.D{{Key: "to", Value: "0x7"}}, newest},
		{persistence.Activities, "maker", bson.D{{Key: "maker", Value: "0x7"}}, newest},
		{persistence.Activities, "factory", bson.D{in("chain", "c"), in("market", "m"), in("factory", "pair"), in("stream", "list"), {Key: "seq", Value: bson.D{{Key: "$lte", Value: int64(90)}}}}, nil},
		{persistence.Activities, "transaction", bson.D{{Key: "transaction", Value: "0x7"}}, nil},
		{persistence.Activities, "time", bson.D{{Key: "chain", Value: "c"}, {Key: "market", Value: "m"}, {Key: "time", Value: bson.D{{Key: "$gt", Value: time.Unix(90, 0)}}}}, newest},

		{persistence.Records, "type", bson.D{{Key: "market", Value: "m"}, {Key: "type", Value: "gallery"}}, bson.D{{Key: "updatedAt", Value: -1}}},
		{persistence.DeadLetters, "stream_position", stream, back},

		{persistence.Actors, "market", bson.D{{Key: "chain", Value: "c"}, {Key: "market", Value: "m"}}, nil},
		{persistence.Actors, "lag", bson.D{{Key: "lag", Value: bson.D{{Key: "$gt", Value: 90}}}}, bson.D{{Key: "lag", Value: -1}}},
		{persistence.Actors, "restarts", bson.D{{Key: "restarts", Value: bson.D{{Key: "$gt", Value: 90}}}}, bson.D{{Key: "restarts", Value: -1}}},
		{persistence.Actors, "lastError", bson.D{{Key: "lastError", Value: bson.D{{Key: "$exists", Value: true}}}}, nil},

		{persistence.Nodes, "ended", bson.D{{Key: "endedAt", Value: bson.D{{Key: "$gt", Value: time.Now()}}}}, nil},

		{persistence.Requests, "state", bson.D{{Key: "state", Value: persistence.RequestPending}}, bson.D{{Key: "_id", Value: 1}}},
		{persistence.Requests, "ended", bson.D{{Key: "expiresAt", Value: bson.D{{Key: "$gt", Value: time.Now().Add(time.Hour * 80)}}}}, nil},

		{persistence.SignedOrders, "pending", bson.D{{Key: "chain", Value: "c"}, {Key: "market", Value: "m"}, {Key: "state", Value: persistence.SignedPending}}, bson.D{{Key: "_id", Value: 1}}},
		{persistence.SignedOrders, "order", bson.D{{Key: "order", Value: "0x7"}}, nil},
		{persistence.SignedOrders, "hash", bson.D{{Key: "hash", Value: "0x7"}}, nil},

		{persistence.Notifications, "receiver", bson.D{{Key: "receiver", Value: "0x7"}}, newest},
		{persistence.Notifications, "unread", bson.D{{Key: "receiver", Value: "0x"}, {Key: "readAt", Value: bson.D{{Key: "$exists", Value: false}}}}, newest},
		{persistence.Notifications, "stream_position", stream, back},
	} {
		delete(unserved, q.collection+" "+q.index)
		command := bson.D{{Key: "explain", Value: bson.D{
			{Key: "find", Value: q.collection}, {Key: "filter", Value: q.filter}, {Key: "sort", Value: q.sort},
		}}, {Key: "verbosity", Value: "executionStats"}}
		if q.sort == nil {
			command[0].Value = command[0].Value.(bson.D)[:2]
		}
		var plan explained
		if err := db.RunCommand(t.Context(), command).Decode(&plan); err != nil {
			t.Fatal(err)
		}
		stages, index := plan.Planner.Winning.walk()
		if index != q.index || slices.Contains(stages, "SORT") {
			t.Errorf("%s %v by %v: %v of %q, not %q", q.collection, q.filter, q.sort, stages, index, q.index)
		}
		if stats := plan.Stats; stats.Returned == 0 || stats.Examined > stats.Returned || stats.Keys > stats.Returned+1 {
			t.Errorf("%s %v by %v: looked at %d keys and %d documents for %d", q.collection, q.filter, q.sort, stats.Keys, stats.Examined, stats.Returned)
		}
	}
	for index := range unserved {
		t.Errorf("nothing asks for the index %s", index)
	}
}

var (
	exists = bson.D{{Key: "$exists", Value: true}}
	// future is an expiry that is missing or to come.
	future = bson.E{Key: "expiresAt", Value: bson.D{{Key: "$not", Value: bson.D{{Key: "$lte", Value: time.Now()}}}}}
)

// alive are the asks of a collection that a stranger can take.
func alive(collection string, more ...bson.E) bson.D {
	return append(bson.D{in("token.collection", collection), in("side", "ask"), in("status", "LISTING"), in("fillable.answer", "yes")}, more...)
}

// in is a field that has one of some values.
func in(path string, values ...any) bson.E {
	if len(values) == 1 {
		return bson.E{Key: path, Value: values[0]}
	}
	return bson.E{Key: path, Value: bson.D{{Key: "$in", Value: values}}}
}

// by is an order, with '-' in front downwards.
func by(path string) bson.D {
	key := keys(path)[0]
	return bson.D{{Key: key.Path, Value: map[bool]int{false: 1, true: -1}[key.Descending]}}
}

// fill writes a hundred documents into each collection, each of its own.
func fill(t *testing.T, collections map[string]*mongo.Collection) {
	t.Helper()
	docs := map[string][]any{}
	for i := range int64(100) {
		number := strconv.FormatInt(i, 10)
		address, at, position := "0x"+number, time.Unix(i, 0), markets.Position{Height: i}
		e := markets.Event{
			Kind: markets.Listed, Stream: "list", Seq: i, Position: position, Time: at, From: address, To: address,
			Order: address, Token: markets.Token{Collection: address, ID: number}, Maker: address, Transaction: address,
		}
		activity := markets.Activity{Chain: "c", Market: "m", Event: e}
		moved := activity
		moved.Stream, moved.Order, moved.From, moved.To, moved.Maker, moved.Transaction = "transfer", "", "", "", "", ""
		ended := time.Now().Add(time.Duration(i-90) * time.Minute / 2) // the server removes older ones
		docs[persistence.Nodes] = append(docs[persistence.Nodes], Node{ID: number, State: persistence.Left, Chains: []persistence.NodeChain{}, EndedAt: &ended})
		request := Request{ID: number, Kind: persistence.RewindRequest, State: persistence.RequestPending}
		if i%2 == 0 {
			expires := time.Now().Add(time.Duration(i-10) * time.Hour)
			request.State, request.EndedAt, request.ExpiresAt = persistence.RequestDone, &ended, &expires
		}
		docs[persistence.Requests] = append(docs[persistence.Requests], request)
		signed := persistence.SignedOrder{Chain: "c", Market: "m", Hash: address}
		if signed.State = persistence.SignedPending; i%2 == 1 {
			signed.State, signed.Order = persistence.SignedAccepted, address
		}
		docs[persistence.SignedOrders] = append(docs[persistence.SignedOrders], SignedOrder{ID: DocumentID(number), SignedOrder: signed})
		status := []markets.Status{markets.Sold, markets.Listing}[i%2]
		order := markets.Order{
			Chain: "c", Market: "m", Key: address, Side: markets.Ask, Status: status, Maker: address, Token: e.Token, Last: position, ListedAt: &at,
			Price: markets.Amount(number), UnitPrice: markets.Amount(number), Quantity: "1", Currency: markets.Currency{Address: "0x"},
		}
		if i%2 == 1 {
			order.Open, order.Checked = true, &position
		}
		switch i % 4 {
		case 0, 2:
			order.Taker, order.FilledAt = address, &at
		case 1, 3:
			order.ReservedFor, order.Fillable = address, &markets.Fillability{Answer: markets.Yes}
		}
		among := order
		among.Key, among.Status, among.Maker, among.Taker, among.ReservedFor = "among/"+number, markets.Listing, "0x", "", ""
		among.Token.Collection, among.Fillable = "0x", &markets.Fillability{Answer: markets.Yes}
		among.Criteria, among.Nonce = "0x", markets.Amount(number)
		switch i {
		case 8:
			among.Fillable = &markets.Fillability{Answer: markets.No}
		case 9:
			among.EndPrice = "1"
		}
		docs[persistence.Orders] = append(docs[persistence.Orders], OfOrder(order), OfOrder(among), OfOrder(markets.Order{
			Chain: "c", Market: "other", Key: address, Status: markets.Sold, Maker: "0x", Token: markets.Token{Collection: address, ID: "sold"}, Price: markets.Amount(number),
		}))
		announced := markets.Activity{Chain: "c", Market: "m", Event: markets.Event{
			Kind: markets.ContractCreated, Stream: "list", Seq: i, Position: markets.Position{Height: i, Log: 1}, Time: at, Contract: address, Factory: "pair",
		}}
		docs[persistence.Activities] = append(docs[persistence.Activities], OfActivity(activity), OfActivity(moved), OfActivity(announced))
		docs[persistence.Records] = append(docs[persistence.Records], OfRecord(markets.Record{
			Chain: "c", Market: "m", Type: []string{"gallery", "exhibit"}[i%2], Key: address, UpdatedAt: at,
		}))
		docs[persistence.DeadLetters] = append(docs[persistence.DeadLetters], OfDeadLetter(markets.DeadLetter{
			Chain: "c", Market: "m", Stream: "list", Seq: i, Position: position, Raw: []byte("[]"),
		}))
		actor := persistence.Actor{ID: number, Kind: "observer", Chain: "c", Market: []string{"m", "other"}[i%2], Restarts: i}
		if actor.Lag = i; i > 90 {
			actor.LastError = "timeout"
		}
		docs[persistence.Actors] = append(docs[persistence.Actors], Actor{Actor: actor})
		for _, receiver := range []string{address, "0x"} {
			told := OfNotification(markets.Notification{
				Receiver: receiver, Message: markets.OfferReceived, Kind: e.Kind, Chain: "c", Market: "m",
				Stream: "list", Seq: i, Position: position, Activity: activity.ID(), Time: at,
			})
			if receiver == "0x" && i < 90 {
				told.ReadAt = &at
			}
			docs[persistence.Notifications] = append(docs[persistence.Notifications], told)
		}
	}
	for name, docs := range docs {
		if _, err := collections[name].InsertMany(t.Context(), docs); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// explained is what the server says of how it answers a query.
type explained struct {
	Planner struct {
		Winning stage `bson:"winningPlan"`
	} `bson:"queryPlanner"`
	Stats struct {
		Returned int64 `bson:"nReturned"`
		Keys     int64 `bson:"totalKeysExamined"`
		Examined int64 `bson:"totalDocsExamined"`
	} `bson:"executionStats"`
}

type stage struct {
	Stage  string
	Index  string   `bson:"indexName"`
	Input  *stage   `bson:"inputStage"`
	Inputs []*stage `bson:"inputStages"`
}

// walk lists a plan's stages and the index that it walks.
func (s *stage) walk() (stages []string, index string) {
	stages, index = []string{s.Stage}, s.Index
	for _, input := range append(s.Inputs, s.Input) {
		if input == nil {
			continue
		}
		more, i := input.walk()
		stages, index = append(stages, more...), index+i
	}
	return stages, index
}
