//go:build !linux

package alipay

import (
	"net"
	"time"
)

func setUserTimeout(net.Conn, time.Duration) {}

func usable(net.Conn, bool) error { return nil }
