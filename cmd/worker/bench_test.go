package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fahuo/internal/intake"
	"fahuo/internal/ledger"
	"fahuo/internal/proctest"
	"fahuo/internal/tasks"
)

// benchTime is how long a pace is measured: 60 s unless FAHUO_BENCH_SECONDS says otherwise.
func benchTime(b *testing.B) time.Duration {
	b.Helper()
	text := os.Getenv("FAHUO_BENCH_SECONDS")
	if text == "" {
		return time.Minute
	}
	seconds, err := strconv.Atoi(text)
	if err != nil || seconds < 1 {
		b.Fatalf("FAHUO_BENCH_SECONDS=%q is no number of seconds", text)
	}
	return time.Duration(seconds) * time.Second
}

// BenchmarkGap measures, at the gateway, the gaps between the ship calls of an account that always has
// work. The limit is the interval plus the time the gateway takes to answer; "over" is what the mean gap
// is above it.
func BenchmarkGap(b *testing.B) {
	for _, interval := range []time.Duration{time.Second, 100 * time.Millisecond} {
		for _, processes := range []int{1, 3} {
			b.Run(fmt.Sprintf("interval=%v/processes=%d", interval, processes), func(b *testing.B) {
				for b.Loop() {
					measureGaps(b, interval, processes)
				}
			})
		}
	}
}

func measureGaps(b *testing.B, interval time.Duration, processes int) {
	b.Helper()
	s := newSite(b, interval, true)
	wanted := int(benchTime(b)/interval) + 1
	s.accept(wanted + 10)
	for range processes {
		s.start()
	}
	s.until("all calls made", 2*benchTime(b)+time.Minute, func() bool { return s.shipCalls() >= wanted })
	s.lawful()
	var gaps []time.Duration
	var sum, answer time.Duration
	for _, a := range s.gateway.Arrivals() {
		if a.Ship() && a.Gap > 0 && !a.Answered.IsZero() {
			gaps = append(gaps, a.Gap)
			sum += a.Gap
			answer += a.Answered.Sub(a.At)
		}
	}
	slices.Sort(gaps)
	n := time.Duration(len(gaps))
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	b.ReportMetric(ms(gaps[0]), "min-ms")
	b.ReportMetric(ms(gaps[len(gaps)/2]), "p50-ms")
	b.ReportMetric(ms(gaps[len(gaps)*99/100]), "p99-ms")
	b.ReportMetric(ms(gaps[len(gaps)-1]), "max-ms")
	b.ReportMetric(ms(sum/n), "mean-ms")
	b.ReportMetric(ms(sum/n-answer/n-interval), "over-ms")
	b.ReportMetric(100*float64(interval+answer/n)/float64(sum/n), "%-of-limit")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkRedisBytes measures what a queued shipment takes in Redis.
func BenchmarkRedisBytes(b *testing.B) {
	const shipments = 10000
	for b.Loop() {
		s := newSite(b, time.Second, true)
		client := proctest.RedisClient(b, s.redis)
		belt, err := tasks.Connect("redis://"+s.redis, "")
		s.must(err)
		before := usedMemory(b, client.Info(context.Background(), "memory").Val())
		s.accept(shipments)
		_, err = intake.ClaimBelt(context.Background(), s.book, belt, "", "")
		s.must(err)
		start := time.Now()
		n, err := intake.Feed(context.Background(), s.book, belt)
		s.must(err)
		took := time.Since(start)
		if n != shipments {
			b.Fatalf("%d rows were fed", n)
		}
		after := usedMemory(b, client.Info(context.Background(), "memory").Val())
		b.ReportMetric(float64(after-before)/shipments, "B/shipment")
		b.ReportMetric(shipments/took.Seconds(), "fed/s")
		b.ReportMetric(0, "ns/op")
		s.must(belt.Close())
	}
}

func usedMemory(b *testing.B, info string) int64 {
	b.Helper()
	for line := range strings.Lines(info) {
		if text, ok := strings.CutPrefix(line, "used_memory:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
			if err != nil {
				b.Fatal(err)
			}
			return n
		}
	}
	b.Fatalf("Redis does not say what it uses:\n%s", info)
	return 0
}

// BenchmarkAccept measures how many shipments a second the ledger accepts, in the chunks that files are
// read in.
func BenchmarkAccept(b *testing.B) {
	const shipments = 10000
	for b.Loop() {
		s := newSite(b, time.Second, false)
		start := time.Now()
		for from := 0; from < shipments; from += 1000 {
			_, err := s.book.Accept(context.Background(), parcels(from, from+1000), ledger.AcceptOptions{})
			s.must(err)
		}
		b.ReportMetric(shipments/time.Since(start).Seconds(), "accepted/s")
		b.ReportMetric(0, "ns/op")
	}
}
