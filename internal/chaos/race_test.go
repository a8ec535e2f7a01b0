//go:build race

package chaos_test

// raced: these tests were built with the race detector.
const raced = true
