package cmdline

import (
	"io"
	"os"
)

// Terminal returns stdout if it is one, to show progress on, unless it gets JSON.
func Terminal(stdout io.Writer, json bool) io.Writer {
	f, ok := stdout.(*os.File)
	if !ok || json {
		return nil
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return f
}
