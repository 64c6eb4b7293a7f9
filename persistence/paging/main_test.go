package paging_test

import (
	"os"
	"testing"

	"github.com/imart/event-worker/internal/mongotest"
)

func TestMain(m *testing.M) { os.Exit(mongotest.Main(m)) }
