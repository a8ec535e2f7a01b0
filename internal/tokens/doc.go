// Package tokens knows who may hand shipments over by HTTP: bearer tokens, each with a name and the accounts that it may
// ship for. They stand in a YAML file, by their SHA-256 alone: whoever reads the file cannot use one.
//
//	tokens:
//	  - name: shop
//	    sha256: 5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8
//	    partners: ["2088000000000001"]
//	    rate: 100                        # requests a second; optional
//	    webhooks:                        # who is told what becomes of its shipments; optional, as in the accounts file
//	      - url: https://shop.example.com/fahuo
//	        secret_files: [shop-webhook] # relative to this file
//
// A token is long and random, so a fast hash is enough: nobody tries 2^130 of them.
//
// The file is looked at every second (Watch). One that has become faulty changes nothing and is complained of once;
// a token that is taken out of it is refused from then on.
package tokens
