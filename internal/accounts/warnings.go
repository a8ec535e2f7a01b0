package accounts

import (
	"fmt"
	"os"
	"runtime"

	"fahuo/internal/alipay"
)

// md5Key is how many characters Alipay's MD5 keys (安全校验码) have.
const md5Key = 32

// warnings are what is most likely wrong with an account's keys and no reason not to start. Keys are not shown,
// nor anything of them but their length (A2).
func warnings(c *alipay.Credentials, e entry, dir string) (all []string) {
	secret := e.KeyFile
	if c.SignType == alipay.RSA {
		secret = e.PrivateKeyFile
	} else if n := len(c.Key.Reveal()); n != md5Key {
		all = append(all, fmt.Sprintf("its MD5 key has %d characters, Alipay's have %d: is it all of the key, and nothing else?", n, md5Key))
	}
	if secret == "" || runtime.GOOS == "windows" { // which has no such permissions
		return all
	}
	path := relative(dir, secret)
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		all = append(all, fmt.Sprintf("its key file %s may be read or written by others (mode %04o); make it the worker's alone: chmod 600 %[1]s", path, info.Mode().Perm()))
	}
	return all
}
