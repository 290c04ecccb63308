package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// verdict is what became of a mutant.
type verdict struct {
	outcome outcome
	tests   []string // that failed
	seed    string   // that failed, if one did
	again   string   // how often it did when it was run again
	output  string
}

type outcome string

const (
	killed   outcome = "killed"
	survived outcome = "SURVIVED"
	broken   outcome = "DOES NOT COMPILE"
	stale    outcome = "DOES NOT APPLY"
)

func (v verdict) String() string {
	if v.outcome != killed {
		return string(v.outcome)
	}
	s := strings.Join(v.tests, ", ")
	if v.seed != "" {
		s += " (seed " + v.seed + v.again + ")"
	}
	return s
}

// try runs m's suites until one notices.
func (m mutant) try(dir string, replay int) (v verdict) {
	overlay, err := m.overlay(dir)
	if err != nil {
		return verdict{outcome: stale, output: err.Error()}
	}
	flags := []string{"-overlay", overlay}
	for _, s := range m.suites {
		v = s.test(flags)
		if v.outcome == killed && v.seed != "" && replay > 0 {
			v.again = s.replay(flags, filepath.Join(dir, "test"), v.seed, replay)
		}
		if v.outcome != survived {
			break
		}
	}
	return v
}

// overlay writes the changed files and the list of them that go's -overlay
// takes.
func (m mutant) overlay(dir string) (path string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	texts := map[string]string{}
	for _, e := range m.edits {
		text, ok := texts[e.file]
		if !ok {
			b, err := os.ReadFile(e.file)
			if err != nil {
				return "", err
			}
			text = string(b)
		}
		if n := strings.Count(text, e.old); n != 1 {
			return "", fmt.Errorf("%s: %d times in %s, want once:\n%s", m.name, n, e.file, e.old)
		}
		texts[e.file] = strings.Replace(text, e.old, e.new, 1)
	}
	replace := map[string]string{}
	for file, text := range texts {
		from, err := filepath.Abs(file)
		if err != nil {
			return "", err
		}
		to := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(to, []byte(text), 0o644); err != nil {
			return "", err
		}
		replace[from] = to
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, list, 0o644)
}

// testTimeout is when a test that hangs, which is a way to notice, is ended: late,
// so that a busy machine does not take the name of the test that fails.
const testTimeout = 2 * time.Minute

var (
	failedTest = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)
	failedSeed = regexp.MustCompile(`-seed (\d+)`)
)

// test runs the suite.
func (s suite) test(flags []string) verdict {
	args := slices.Concat([]string{"test"}, flags, []string{"-count=1", "-timeout", testTimeout.String(), "-run", s.run, s.pkg})
	ctx, cancel := context.WithTimeout(context.Background(), 2*testTimeout) // it has to be compiled, too
	defer cancel()
	out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
	v := verdict{outcome: killed, output: string(out)}
	switch {
	case err == nil:
		v.outcome = survived
		return v
	case strings.Contains(v.output, "[build failed]"), strings.Contains(v.output, "[setup failed]"):
		v.outcome = broken
		return v
	}
	for _, m := range failedTest.FindAllStringSubmatch(v.output, -1) {
		v.tests = append(v.tests, m[1])
	}
	if len(v.tests) == 0 {
		v.tests = []string{"a panic or a hang in " + s.pkg}
	}
	if m := failedSeed.FindStringSubmatch(v.output); m != nil {
		v.seed = m[1]
	}
	return v
}

// replay says how many of n runs of a seed fail, each on its own.
func (s suite) replay(flags []string, binary, seed string, n int) string {
	build := slices.Concat([]string{"test"}, flags, []string{"-c", "-o", binary, s.pkg})
	if out, err := exec.Command("go", build...).CombinedOutput(); err != nil {
		return fmt.Sprintf(": %v: %s", err, out)
	}
	failed := 0
	for range n {
		ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
		c := exec.CommandContext(ctx, binary, "-test.run", s.run, "-seed", seed, "-repeat", "1")
		c.Dir = s.pkg
		if c.Run() != nil {
			failed++
		}
		cancel()
	}
	return fmt.Sprintf(", again in %d of %d runs", failed, n)
}
