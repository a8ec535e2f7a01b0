package accounts

import (
	"fmt"
	"os"
	"runtime"

	"fahuo/internal/alipay"
)

// md5Key is how many characters Alipay's MD5 keys (安全校验码) have.
const md5Key = 32

// warnings are what is most likely wrong with an account's secrets and no reason not to start. Keys are not shown,
// nor anything of them but their length (A2).
func warnings(c *alipay.Credentials, e entry, dir string) (all []string) {
	if n := len(c.Key.Reveal()); c.SignType != alipay.RSA && n != md5Key {
		all = append(all, fmt.Sprintf("its MD5 key has %d characters, Alipay's have %d: is it all of the key, and nothing else?", n, md5Key))
	}
	for _, w := range e.Webhooks {
		for _, file := range w.SecretFiles {
			all = append(all, openToOthers(relative(dir, file))...)
		}
	}
	return all
}

// openToOthers is a warning when a webhook's secret may be read or written by others: whoever has it can forge
// outcomes, and ship nothing.
func openToOthers(path string) []string {
	if runtime.GOOS == "windows" { // which has no such permissions
		return nil
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&othersMay == 0 {
		return nil
	}
	return []string{fmt.Sprintf("its webhook's secret file %s may be read or written by others (mode %04o); make it the worker's alone: chmod 600 %[1]s", path, info.Mode().Perm())}
}
