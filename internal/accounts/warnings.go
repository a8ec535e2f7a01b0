package accounts

import (
	"fmt"

	"fahuo/internal/alipay"
)

// md5Key is how many characters Alipay's MD5 keys (安全校验码) have.
const md5Key = 32

// warnings are what is most likely wrong with an account's keys and no reason not to start. Keys are not shown,
// nor anything of them but their length (A2).
func warnings(c *alipay.Credentials) []string {
	if n := len(c.Key.Reveal()); c.SignType != alipay.RSA && n != md5Key {
		return []string{fmt.Sprintf("its MD5 key has %d characters, Alipay's have %d: is it all of the key, and nothing else?", n, md5Key)}
	}
	return nil
}
