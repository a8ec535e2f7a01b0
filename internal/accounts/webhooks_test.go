package accounts_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fahuo/internal/accounts"
)

const hookSecret = "whsec_b2Ytd2ViaG9va3Mtb2YtYWNjb3VudHMtdGVzdHM="

func TestWebhooks(t *testing.T) {
	path := dir(t, `
accounts:
  - partner: "2088900000000001"
    key_file: key
    webhooks:
      - url: https://erp.example.com/alipay
        secret_files: [hook]
        secret_envs: [HOOK_SECRET]
      - {name: wms, url: "http://10.0.0.7/", allow_private: true, secret_files: [hook]}
`)
	hook := filepath.Join(filepath.Dir(path), "hook")
	if err := os.WriteFile(hook, []byte(hookSecret+"\n"), 0o644); err != nil { // readable by others
		t.Fatal(err)
	}
	all, err := accounts.Load(accounts.Source{File: path, Getenv: env("HOOK_SECRET", hookSecret)})
	if err != nil {
		t.Fatal(err)
	}
	if hooks := all[0].Webhooks; len(hooks) != 2 || hooks[0].Name != "webhook" || hooks[0].AllowPrivate || hooks[1].Name != "wms" || !hooks[1].AllowPrivate {
		t.Errorf("webhooks %+v", hooks)
	}
	if len(all[0].Warnings) == 0 || !strings.Contains(strings.Join(all[0].Warnings, "\n"), "chmod 600 "+hook) {
		t.Errorf("others may read the secret, and the warnings are %q", all[0].Warnings)
	}
	if _, err := accounts.Load(accounts.Source{File: path, Getenv: env()}); err == nil || !strings.Contains(err.Error(), "HOOK_SECRET") {
		t.Errorf("without the variable: %v", err)
	}
}
