// Package browsertest tries the desk as people use it: real processes of desk, worker and simulator, a real Redis, a
// real ledger, and Debian's Chromium, driven over its own protocol. Its tests need the build tag browser; make
// test-browser installs what is missing and runs them. Pictures of every page go to .cache/screenshots.
package browsertest
