package desk

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"golang.org/x/crypto/bcrypt"

	"fahuo/internal/inplace"
)

// Role is what somebody may do. Higher ones may what lower ones may.
type Role string

// The roles.
const (
	anybody  Role = ""         // not even logged in
	Viewer   Role = "viewer"   // sees everything
	Operator Role = "operator" // and acts
)

func (r Role) may(needed Role) bool { return r == Operator || needed == Viewer && r == Viewer }

// User is somebody who may log in.
type User struct {
	Name     string `yaml:"name"`
	Role     Role   `yaml:"role"`
	Password string `yaml:"password"` // bcrypt
}

// Users are read from a file, and again whenever it has changed, so that whoever is taken out of it is out at the
// next request.
type Users struct {
	path string // empty: they do not change

	mu     sync.Mutex
	list   []User
	as     fs.FileInfo // the file, as it was read
	looked time.Time
	fault  string      // what was wrong with it when it was last looked at
	tell   func(error) // of that; nil: nobody
}

// complain has somebody told when the file has become faulty: somebody may believe that he has taken a user out.
func (u *Users) complain(tell func(error)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.tell = tell
}

type usersFile struct {
	Users []User `yaml:"users"`
}

// cost is bcrypt's: some tenths of a second for a guess, on a machine of today.
const cost = 12

// LoadUsers reads a users file.
func LoadUsers(path string) (*Users, error) {
	u := &Users{path: path}
	if err := u.read(); err != nil {
		return nil, err
	}
	return u, nil
}

// TheseUsers are users that do not stand in a file.
func TheseUsers(list ...User) *Users { return &Users{list: list} }

func (u *Users) read() error {
	info, err := os.Stat(u.path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no users file %s; make it with: desk user add NAME --role operator --users %s", u.path, u.path)
	}
	if err != nil {
		return fmt.Errorf("users file: %w", err)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("users file %s may be written by others (mode %04o): whoever does so may log in; chmod 600 %s", u.path, info.Mode().Perm(), u.path)
	}
	text, err := os.ReadFile(u.path)
	if err != nil {
		return fmt.Errorf("users file: %w", err)
	}
	list, err := parseUsers(text)
	if err != nil {
		return fmt.Errorf("users file %s: %w", u.path, err)
	}
	u.list, u.as = list, info
	return nil
}

func parseUsers(text []byte) ([]User, error) {
	var file usersFile
	decoder := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict())
	if err := decoder.Decode(&file); err != nil {
		// The library quotes the place, and what stands there may be a password.
		return nil, errors.New("it does not read \"users: [{name, role, password}]\"; desk user add writes it")
	}
	var faults []error
	seen := make(map[string]bool)
	for _, user := range file.Users {
		if err := CheckName(user.Name); err != nil {
			faults = append(faults, err)
		}
		if seen[user.Name] {
			faults = append(faults, fmt.Errorf("user %q stands twice", user.Name))
		}
		seen[user.Name] = true
		if user.Role != Viewer && user.Role != Operator {
			faults = append(faults, fmt.Errorf("user %q: role %q is neither viewer nor operator", user.Name, user.Role))
		}
		if _, err := bcrypt.Cost([]byte(user.Password)); err != nil {
			faults = append(faults, fmt.Errorf("user %q: the password is no bcrypt hash; desk user add writes one", user.Name))
		}
	}
	return file.Users, errors.Join(faults...)
}

// CheckName refuses what cannot be a user's name: it stands in pages, in the trail of acts, and as an assignee.
func CheckName(name string) error {
	odd := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-@", r)
	}
	switch {
	case name == "" || utf8.RuneCountInString(name) > 40:
		return fmt.Errorf("user name %q: 1 to 40 characters are allowed", name)
	case strings.ContainsFunc(name, odd) || strings.HasPrefix(name, "-"):
		return fmt.Errorf("user name %q: letters, digits and . _ - @ are allowed, and no - at the beginning", name)
	}
	return nil
}

// Find looks a user up by name. A file that has become faulty changes nothing: those who were in it stay.
func (u *Users) Find(name string) (User, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.refresh()
	i := slices.IndexFunc(u.list, func(user User) bool { return user.Name == name })
	if i < 0 {
		return User{}, false
	}
	return u.list[i], true
}

// Names lists the operators: those to whom a case may be assigned.
func (u *Users) Names() (names []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.refresh()
	for _, user := range u.list {
		if user.Role == Operator {
			names = append(names, user.Name)
		}
	}
	return names
}

// refresh reads the file again if it has changed, looking at most once a second.
func (u *Users) refresh() {
	if u.path == "" || time.Since(u.looked) < time.Second {
		return
	}
	u.looked = time.Now()
	info, err := os.Stat(u.path)
	if err == nil && os.SameFile(info, u.as) && info.ModTime().Equal(u.as.ModTime()) && info.Size() == u.as.Size() {
		u.fault = ""
		return
	}
	fault := ""
	if err := u.read(); err != nil {
		fault = err.Error()
		if fault != u.fault && u.tell != nil { // once, and not for every request
			u.tell(err)
		}
	}
	u.fault = fault
}

// unknownUser is compared with where there is no such user, so that it takes as long.
var unknownUser = sync.OnceValue(func() []byte {
	hash, err := bcrypt.GenerateFromPassword([]byte("nobody has this password"), cost)
	if err != nil {
		panic(err) // a constant that fits
	}
	return hash
})

// matches tells whether the password is the user's. A user who does not exist has none.
func (u User) matches(password string) bool {
	if u.Name == "" {
		_ = bcrypt.CompareHashAndPassword(unknownUser(), []byte(password)) // only for the time it takes
		return false
	}
	return bcrypt.CompareHashAndPassword([]byte(u.Password), []byte(password)) == nil
}

// MinPassword is the shortest password that is accepted, in characters; guessing is limited.
const MinPassword = 8

// NewUser makes a user with a password.
func NewUser(name string, role Role, password string) (User, error) {
	if err := CheckName(name); err != nil {
		return User{}, err
	}
	if role != Viewer && role != Operator {
		return User{}, fmt.Errorf("role %q is neither viewer nor operator", role)
	}
	if n := utf8.RuneCountInString(password); n < MinPassword {
		return User{}, fmt.Errorf("the password has %d characters; at least %d are needed", n, MinPassword)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	if errors.Is(err, bcrypt.ErrPasswordTooLong) {
		return User{}, errors.New("the password is longer than 72 bytes, which is the most that can be kept")
	}
	return User{Name: name, Role: role, Password: string(hash)}, err
}

// ErrNoUser says that there is no user of a name.
var ErrNoUser = errors.New("there is no such user")

// RemoveUser takes a user out of a users file. A running desk refuses the user's sessions from then on.
func RemoveUser(path, name string) error {
	list, err := ListUsers(path)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(user User) bool { return user.Name == name })
	if i < 0 {
		return fmt.Errorf("%w in %s: %q", ErrNoUser, path, name)
	}
	return writeUsers(path, slices.Delete(list, i, i+1))
}

// ListUsers reads who stands in a users file.
func ListUsers(path string) ([]User, error) {
	u, err := LoadUsers(path)
	if err != nil {
		return nil, err
	}
	return u.list, nil
}

func writeUsers(path string, list []User) error {
	text, err := yaml.Marshal(usersFile{Users: list})
	if err == nil {
		err = inplace.Write(path, text)
	}
	if err != nil {
		return fmt.Errorf("users file: %w", err)
	}
	return nil
}

// PutUser writes a user into a users file, which is made if it is not there; one of the same name is replaced.
func PutUser(path string, user User) (replaced bool, err error) {
	text, err := os.ReadFile(path) //nolint:gosec // the file that the administrator names
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("users file: %w", err)
	}
	var list []User
	if err == nil && len(bytes.TrimSpace(text)) > 0 {
		if list, err = parseUsers(text); err != nil {
			return false, fmt.Errorf("users file %s: %w", path, err)
		}
	}
	if i := slices.IndexFunc(list, func(other User) bool { return other.Name == user.Name }); i >= 0 {
		list[i], replaced = user, true
	} else {
		list = append(list, user)
	}
	return replaced, writeUsers(path, list)
}
