package fahuo_test

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

const partner = "2088000000000001"

// loadCompose reads docker-compose.yml as docker compose does, schema and interpolation included, with the API.
func loadCompose(t *testing.T, env ...string) (*types.Project, error) {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{"docker-compose.yml"}, cli.WithEnv(env), cli.WithProfiles([]string{"api"}))
	if err != nil {
		t.Fatal(err)
	}
	return options.LoadProject(t.Context())
}

func composeServices(t *testing.T) (project *types.Project, redis, worker types.ServiceConfig) {
	t.Helper()
	project, err := loadCompose(t, "ALIPAY_PARTNER="+partner)
	if err != nil {
		t.Fatal(err)
	}
	redis, err = project.GetService("redis")
	if err != nil {
		t.Fatal(err)
	}
	worker, err = project.GetService("worker")
	if err != nil {
		t.Fatal(err)
	}
	return project, redis, worker
}

func TestComposeHasNoObsoleteVersion(t *testing.T) {
	for line := range strings.Lines(read(t, "docker-compose.yml")) {
		if strings.HasPrefix(line, "version:") {
			t.Errorf("docker-compose.yml has a version key, which compose warns of: %s", line)
		}
	}
}

func TestComposeNeedsThePartner(t *testing.T) {
	_, err := loadCompose(t)
	if err == nil || !strings.Contains(err.Error(), "ALIPAY_PARTNER") {
		t.Errorf("loading without ALIPAY_PARTNER: %v, want an error that names it", err)
	}
}

func TestComposeRedisKeepsTheBelt(t *testing.T) {
	project, redis, _ := composeServices(t)
	if !strings.HasPrefix(redis.Image, "redis:7") {
		t.Errorf("image %s, want Redis 7", redis.Image)
	}
	for name, want := range map[string]string{"--appendonly": "yes", "--maxmemory-policy": "noeviction"} {
		if got := flagValue(redis.Command, name); got != want {
			t.Errorf("%s %q, want %q", name, got, want)
		}
	}
	if len(redis.Ports) > 0 {
		t.Errorf("Redis has no password and is published: %v", redis.Ports)
	}
	for name := range redis.Networks {
		if !project.Networks[name].Internal {
			t.Errorf("Redis has no password and is on network %s, which is not internal", name)
		}
	}
	checkVolume(t, project, redis, "/data")
	checkHealth(t, redis, "CMD", "redis-cli", "-e", "ping")
}

func TestComposeWorkerIsBuiltHere(t *testing.T) {
	_, _, worker := composeServices(t)
	if worker.Build == nil {
		t.Fatal("the worker is not built from this repository")
	}
	if name := worker.Build.Dockerfile; name != "Dockerfile" {
		t.Errorf("built from %q, want Dockerfile", name)
	}
	if worker.HealthCheck != nil {
		t.Error("the worker's health check is the image's; compose overrides it")
	}
}

func TestComposeWorkerWaitsForRedis(t *testing.T) {
	_, _, worker := composeServices(t)
	needs, ok := worker.DependsOn["redis"]
	if !ok || needs.Condition != types.ServiceConditionHealthy {
		t.Errorf("the worker depends on redis as %+v, want condition service_healthy", needs)
	}
	if got := env(worker, "REDIS_URL"); !strings.HasPrefix(got, "redis://redis:6379") {
		t.Errorf("REDIS_URL %q does not lead to the service redis", got)
	}
}

func TestComposeSecretsAreFiles(t *testing.T) {
	project, _, worker := composeServices(t)
	if got := env(worker, "ALIPAY_PARTNER"); got != partner {
		t.Errorf("ALIPAY_PARTNER %q, want %q", got, partner)
	}
	if _, ok := worker.Environment["ALIPAY_KEY"]; ok {
		t.Error("ALIPAY_KEY is in the environment, where docker inspect shows it (A2)")
	}
	name, ok := strings.CutPrefix(env(worker, "ALIPAY_KEY_FILE"), "/run/secrets/")
	if !ok {
		t.Fatalf("ALIPAY_KEY_FILE %q is not a secret", env(worker, "ALIPAY_KEY_FILE"))
	}
	mounted := slices.ContainsFunc(worker.Secrets, func(s types.ServiceSecretConfig) bool { return s.Source == name })
	if !mounted || project.Secrets[name].File == "" {
		t.Errorf("secret %s: mounted %v, from file %q", name, mounted, project.Secrets[name].File)
	}
}

func TestComposeLedgerIsOnAVolume(t *testing.T) {
	project, _, worker := composeServices(t)
	if got, want := env(worker, "DATABASE_URL"), "sqlite:/data/fahuo.db"; got != want {
		t.Errorf("DATABASE_URL %q, want %q", got, want)
	}
	checkVolume(t, project, worker, "/data")
}

// A worker that is told to stop lets the call under way end. One killed before would leave that
// shipment to be rescued, and its account closed until the fence.
func TestComposeWaitsForTheCallUnderWay(t *testing.T) {
	_, _, worker := composeServices(t)
	timeout, err := time.ParseDuration(env(worker, "FAHUO_CALL_TIMEOUT"))
	if err != nil {
		t.Fatal(err)
	}
	if timeout <= 0 || worker.StopGracePeriod == nil {
		t.Fatalf("call timeout %v, stop_grace_period %v", timeout, worker.StopGracePeriod)
	}
	// What worker.Stop allows itself: the widest write window, the call timeout, the record; then the courier's
	// messages and the notifications under way.
	longest := 8*time.Second + timeout + 10*time.Second + 5*time.Second + 5*time.Second
	if grace := time.Duration(*worker.StopGracePeriod); grace <= longest {
		t.Errorf("stop_grace_period %v is too short for a call timeout of %v", grace, timeout)
	}
}

func TestComposeServicesAreConfined(t *testing.T) {
	project, _, worker := composeServices(t)
	for name, s := range project.Services {
		if !s.ReadOnly {
			t.Errorf("%s: the root file system is writable", name)
		}
		if !slices.Equal(s.CapDrop, []string{"ALL"}) || len(s.CapAdd) > 0 || s.Privileged {
			t.Errorf("%s: cap_drop %v, cap_add %v, privileged %v", name, s.CapDrop, s.CapAdd, s.Privileged)
		}
		if !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s: security_opt %v", name, s.SecurityOpt)
		}
		if s.User == "" || s.User == "root" || strings.HasPrefix(s.User, "0") {
			t.Errorf("%s: runs as %q", name, s.User)
		}
		if s.Restart != types.RestartPolicyUnlessStopped {
			t.Errorf("%s: restart %q", name, s.Restart)
		}
		for _, p := range s.Ports {
			if addr, err := netip.ParseAddr(p.HostIP); err != nil || !addr.IsLoopback() {
				t.Errorf("%s: port %s is published on %q, not on loopback", name, p.Published, p.HostIP)
			}
		}
	}
	if len(worker.Ports) == 0 {
		t.Error("nobody can read the worker's metrics: no port is published")
	}
}

func checkVolume(t *testing.T, project *types.Project, s types.ServiceConfig, target string) {
	t.Helper()
	i := slices.IndexFunc(s.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Target == target })
	if i < 0 {
		t.Errorf("%s: nothing is mounted at %s", s.Name, target)
		return
	}
	v := s.Volumes[i]
	if _, named := project.Volumes[v.Source]; v.Type != types.VolumeTypeVolume || !named || v.ReadOnly {
		t.Errorf("%s: %s is %+v, want a named volume", s.Name, target, v)
	}
}

func checkHealth(t *testing.T, s types.ServiceConfig, want ...string) {
	t.Helper()
	h := s.HealthCheck
	if h == nil || h.Disable || !slices.Equal(h.Test, want) {
		t.Errorf("%s: health check %+v, want %v", s.Name, h, want)
		return
	}
	if h.Interval == nil || h.Timeout == nil || h.Retries == nil || h.StartPeriod == nil {
		t.Errorf("%s: the health check leaves something to the defaults: %+v", s.Name, h)
	}
}

func flagValue(command []string, name string) string {
	i := slices.Index(command, name)
	if i < 0 || i+1 == len(command) {
		return ""
	}
	return command[i+1]
}

func env(s types.ServiceConfig, name string) string {
	if value := s.Environment[name]; value != nil {
		return *value
	}
	return ""
}

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
