//go:build !linux

package worker

import "time"

// drift is not known: see suspend_linux.go.
func drift() (time.Duration, bool) { return 0, false }
