package fahuo_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// The API has the worker's ledger and Redis, tokens that can change while it runs, and no keys. It starts when asked for.
func TestComposeAPI(t *testing.T) {
	project, _, worker := composeServices(t)
	api, err := project.GetService("api")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(api.Entrypoint, []string{"enqueue"}) || !slices.Equal(api.Command, []string{"serve"}) || !slices.Equal(api.Profiles, []string{"api"}) {
		t.Errorf("entrypoint %v, command %v, profiles %v", api.Entrypoint, api.Command, api.Profiles)
	}
	for _, name := range []string{"DATABASE_URL", "REDIS_URL"} {
		if got, want := env(api, name), env(worker, name); got != want {
			t.Errorf("%s %q, the worker's is %q", name, got, want)
		}
	}
	checkVolume(t, project, api, "/data")
	checkVolume(t, project, api, "/api")
	if got := env(api, "FAHUO_API_TOKENS"); !strings.HasPrefix(got, "/api/") {
		t.Errorf("tokens are in %q, not in a directory of their own", got)
	}
	if len(api.Secrets) > 0 || env(api, "ALIPAY_PARTNER") != "" {
		t.Errorf("the API needs no account and has %v", api.Secrets)
	}
	checkHealth(t, api, "CMD", "worker", "healthcheck")
	if _, port, found := strings.Cut(env(api, "FAHUO_API_LISTEN"), ":"); !found || env(api, "FAHUO_LISTEN") != "127.0.0.1:"+port {
		t.Errorf("the health check asks %q, the API is at %q", env(api, "FAHUO_LISTEN"), env(api, "FAHUO_API_LISTEN"))
	}
	if grace := api.StopGracePeriod; grace == nil || time.Duration(*grace) <= 35*time.Second {
		t.Errorf("stop_grace_period %v is too short for the requests under way", grace)
	}
}

// Notifications come to a port of this host, and only if somebody has said so.
func TestComposeNotifications(t *testing.T) {
	_, _, worker := composeServices(t)
	if got := env(worker, "FAHUO_NOTIFY_LISTEN"); got != "off" {
		t.Errorf("FAHUO_NOTIFY_LISTEN %q, want off unless .env says otherwise", got)
	}
	if !slices.ContainsFunc(worker.Ports, func(p types.ServicePortConfig) bool { return p.Target == 9465 }) {
		t.Error("the port of notifications is not published")
	}
}

// The desk has the worker's ledger, users that can change while it runs, and nothing that it could leak or break.
func TestComposeDesk(t *testing.T) {
	project, _, worker := composeServices(t)
	desk, err := project.GetService("desk")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(desk.Entrypoint, []string{"desk"}) || desk.Build == nil || desk.Build.Dockerfile != "Dockerfile" {
		t.Errorf("entrypoint %v, build %+v", desk.Entrypoint, desk.Build)
	}
	if got, want := env(desk, "DATABASE_URL"), env(worker, "DATABASE_URL"); got != want {
		t.Errorf("DATABASE_URL %q, the worker's is %q", got, want)
	}
	checkVolume(t, project, desk, "/data")
	checkVolume(t, project, desk, "/desk")
	if got := env(desk, "FAHUO_DESK_USERS"); !strings.HasPrefix(got, "/desk/") {
		t.Errorf("users are in %q, not in a directory of their own", got)
	}
	if len(desk.Secrets) > 0 {
		t.Errorf("the desk needs no keys and has %v", desk.Secrets)
	}
	for name := range desk.Environment {
		if strings.HasPrefix(name, "ALIPAY") || strings.HasPrefix(name, "REDIS") {
			t.Errorf("the desk has %s", name)
		}
	}
	for name := range desk.Networks {
		if _, shared := worker.Networks[name]; shared {
			t.Errorf("the desk is on network %s with the worker", name)
		}
	}
	checkHealth(t, desk, "CMD", "worker", "healthcheck")
	if _, port, found := strings.Cut(env(desk, "FAHUO_DESK_LISTEN"), ":"); !found || env(desk, "FAHUO_LISTEN") != "127.0.0.1:"+port {
		t.Errorf("the health check asks %q, the desk is at %q", env(desk, "FAHUO_LISTEN"), env(desk, "FAHUO_DESK_LISTEN"))
	}
	if env(desk, "FAHUO_DESK_SECURE_COOKIES") != "false" || env(desk, "FAHUO_DESK_ALLOW_PLAIN_HTTP") != "true" {
		t.Error("on loopback the desk is reached by plain http unless .env says otherwise")
	}
}
