//go:build !linux

package alipay

import (
	"net"
	"time"
)

func setUserTimeout(net.Conn, time.Duration) {}

func peek(net.Conn) error { return nil }
