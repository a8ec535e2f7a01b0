package tokens_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"fahuo/internal/tokens"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const partner = "2088000000000001"

// issue makes a token and writes it into a file.
func issue(t *testing.T, path, name string) (secret string) {
	t.Helper()
	secret, token, err := tokens.New(name, []string{partner})
	if err == nil {
		err = tokens.Add(path, token)
	}
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// The file has no secret, is its owner's alone, and knows each token by its secret.
func TestAFileOfTokens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.yaml")
	shop, mall := issue(t, path, "shop"), issue(t, path, "mall")
	text, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(text), shop) || strings.Contains(string(text), strings.TrimPrefix(shop, tokens.Prefix)) {
		t.Errorf("the file has a secret: %s, %v", text, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	set, err := tokens.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for secret, name := range map[string]string{shop: "shop", mall: "mall"} {
		if found, ok := set.Find(secret); !ok || found.Name != name || !found.May(partner) || found.May("2088000000000002") {
			t.Errorf("%s: %+v, %v", name, found, ok)
		}
	}
	for _, wrong := range []string{"", shop + "x", shop[1:], strings.ToLower(shop)} {
		if _, ok := set.Find(wrong); ok {
			t.Errorf("%q is taken for a token", wrong)
		}
	}
	if _, token, _ := tokens.New("shop", []string{partner}); !errors.Is(tokens.Add(path, token), tokens.ErrTaken) {
		t.Error("a second token of one name is not refused")
	}
	if err := tokens.Remove(path, "shop"); err != nil {
		t.Error(err)
	}
	if err := tokens.Remove(path, "shop"); !errors.Is(err, tokens.ErrNone) {
		t.Error(err)
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	good := "tokens:\n- name: shop\n  sha256: " + strings.Repeat("0", 64) + "\n  partners: [\"" + partner + "\"]\n"
	for name, c := range map[string]struct{ text, says string }{
		"empty":         {"", "is empty"},
		"no list":       {"shop", "does not read"},
		"unknown key":   {good + "  parters: []\n", "does not read"},
		"a secret":      {strings.Replace(good, strings.Repeat("0", 64), "fahuo_SECRET", 1), "64 hexadecimal"},
		"upper case":    {strings.Replace(good, "0000", "ABCD", 1), "64 hexadecimal"},
		"no partners":   {strings.Replace(good, "\""+partner+"\"", "", 1), "partners is missing"},
		"a partner":     {strings.Replace(good, partner, "1", 1), "2088"},
		"partner twice": {strings.Replace(good, "\""+partner+"\"", "\""+partner+"\",\""+partner+"\"", 1), "stands twice"},
		"a name":        {strings.Replace(good, "shop", "-shop", 1), "token name"},
		"a name twice":  {good + strings.TrimPrefix(strings.Replace(good, "0000", "1111", 1), "tokens:\n"), "stands twice"},
		"a hash twice":  {good + strings.TrimPrefix(strings.Replace(good, "shop", "mall", 1), "tokens:\n"), "of another one"},
		"a rate":        {good + "  rate: -1\n", "rate"},
		"no rate":       {good + "  rate: .nan\n", "rate"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "tokens.yaml")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := tokens.Load(path)
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "SECRET") {
				t.Errorf("got %v, want it to say %q", err, c.says)
			}
		})
	}
	path := filepath.Join(t.TempDir(), "tokens.yaml")
	if _, err := tokens.Load(path); err == nil || !strings.Contains(err.Error(), "enqueue token new") {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := os.WriteFile(path, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o622); err != nil { //nolint:gosec // the fault that is to be found
		t.Fatal(err)
	}
	if _, err := tokens.Load(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that anybody may write: %v", err)
	}
}

// A change is seen; one that is not in order changes nothing and is told once.
func TestTheFileChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.yaml")
	shop := issue(t, path, "shop")
	set, err := tokens.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	told, ended := make(chan error), make(chan struct{})
	go func() { set.Watch(ctx, func(err error) { told <- err }); close(ended) }()
	mall := issue(t, path, "mall")
	if err := <-told; err != nil {
		t.Error(err)
	}
	if _, ok := set.Find(mall); !ok {
		t.Error("the new token is not known")
	}
	if err := os.WriteFile(path, []byte("tokens: what?"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := <-told; err == nil {
		t.Error("nobody is told that the file is not in order")
	}
	if _, ok := set.Find(shop); !ok {
		t.Error("a file that is not in order takes a token away")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := <-told; err == nil {
		t.Error("nobody is told that the file is gone")
	}
	second := issue(t, path, "second")
	if err := <-told; err != nil {
		t.Error(err)
	}
	names := func() (all []string) {
		for _, t := range set.List() {
			all = append(all, t.Name)
		}
		return all
	}
	if _, ok := set.Find(second); !ok || !slices.Equal(names(), []string{"second"}) {
		t.Errorf("the set has %v", names())
	}
	cancel()
	<-ended
}

// What a webhook's secret is missing for is mended beside the file, and then counts: a token that was taken out meanwhile is
// taken for one no more.
func TestASecretIsMended(t *testing.T) {
	dir := t.TempDir()
	path, secret := filepath.Join(dir, "tokens.yaml"), filepath.Join(dir, "secret")
	put := func(name, text string) {
		t.Helper()
		err := os.WriteFile(name+".new", []byte(text), 0o600)
		if err == nil {
			err = os.Rename(name+".new", name)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	hash := strings.Repeat("ab", 32)
	withHook := "tokens:\n- name: mall\n  sha256: " + hash + "\n  partners: [\"" + partner + "\"]\n" +
		"  webhooks: [{url: \"https://erp.example.com/\", secret_files: [secret]}]\n"
	stolen := issue(t, path, "stolen")
	set, err := tokens.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	told, ended := make(chan error), make(chan struct{})
	go func() { set.Watch(ctx, func(err error) { told <- err }); close(ended) }()
	put(path, withHook)
	if err := <-told; err == nil {
		t.Error("a secret that is not there is not missed")
	}
	put(secret, "whsec_"+strings.Repeat("QUFB", 11))
	if err := <-told; err != nil {
		t.Errorf("it is there now, and still: %v", err)
	}
	if _, ok := set.Find(stolen); ok || len(set.Webhooks()["mall"]) != 1 {
		t.Errorf("the file is not taken on: %v", set.List())
	}
	before := set.Webhooks()["mall"]
	put(secret, "whsec_"+strings.Repeat("QkJC", 11))
	if err := <-told; err != nil || reflect.DeepEqual(before, set.Webhooks()["mall"]) {
		t.Errorf("another secret is not taken on: %v", err)
	}
	cancel()
	<-ended
}
