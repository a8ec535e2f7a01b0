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
	if secret != "" {
		all = append(all, openToOthers("key", relative(dir, secret))...)
	}
	for _, w := range e.Webhooks {
		for _, file := range w.SecretFiles {
			all = append(all, openToOthers("webhook's secret", relative(dir, file))...)
		}
	}
	return all
}

// openToOthers is a warning when a file with something secret may be read or written by others.
func openToOthers(what, path string) []string {
	if runtime.GOOS == "windows" { // which has no such permissions
		return nil
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return []string{fmt.Sprintf("its %s file %s may be read or written by others (mode %04o); make it the worker's alone: chmod 600 %[2]s", what, path, info.Mode().Perm())}
}
