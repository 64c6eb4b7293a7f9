// Package seaporttest runs a real Seaport for tests.
package seaporttest
