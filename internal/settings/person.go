package settings

import "os/user"

// Person names who runs a command, for the history: the user of the system, or "operator" if it has no name for him.
func Person() string {
	u, err := user.Current()
	if err != nil || u.Username == "" {
		return "operator"
	}
	return u.Username
}
