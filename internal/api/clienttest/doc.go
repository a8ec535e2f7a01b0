// Package clienttest tries clients that are generated from the served documents: Go by oapi-codegen from the one of
// version 3.0, TypeScript by openapi-typescript from that of 3.1. `make clients` runs it.
package clienttest
