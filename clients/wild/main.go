package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	check := flag.Bool("check", false, "compare with the page, and change nothing; without names, the rows in the file short")
	pageOnly := flag.Bool("page", false, "make the page of what was printed last, and run nothing")
	flag.Parse()
	if err := run(ctx, flag.Args(), *check, *pageOnly); err != nil {
		fmt.Fprintln(os.Stderr, "clients/wild/run:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, names []string, check, pageOnly bool) error {
	all, err := rows()
	if err != nil {
		return err
	}
	if check {
		if len(names) == 0 {
			short, err := os.ReadFile("short")
			if err != nil {
				return err
			}
			names = strings.Fields(string(short))
		}
		if err := inStep(all); err != nil {
			return err
		}
	}
	chosen, err := choose(all, names)
	if err != nil {
		return err
	}
	if !pageOnly {
		if err := runAll(ctx, chosen, check); err != nil {
			return err
		}
	}
	if check {
		return nil
	}
	for _, page := range pages {
		_, now, err := makeAnew(page, all)
		if err != nil {
			return err
		}
		if err := os.WriteFile(page, []byte(now), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// makeAnew returns a page as it is and as the files seen make it.
func makeAnew(page string, all []row) (is, now string, err error) {
	text, err := os.ReadFile(page)
	if err != nil {
		return "", "", err
	}
	now, err = made(page, string(text), all)
	return string(text), now, err
}

// inStep says whether the pages are what the files seen make.
func inStep(all []row) error {
	for _, page := range pages {
		is, now, err := makeAnew(page, all)
		if err != nil {
			return err
		}
		if now != is {
			return fmt.Errorf("%s is not what the files seen make: run clients/wild/run --page", page)
		}
	}
	return nil
}

// runAll runs the rows one after another. A row that fails does not keep the others
// from being run.
func runAll(ctx context.Context, chosen []row, check bool) error {
	s, err := start(ctx)
	defer s.stop()
	if err != nil {
		return err
	}
	env, err := s.env()
	if err != nil {
		return err
	}
	var failed error
	passed := 0
	for _, r := range chosen {
		began := time.Now()
		printed, err := r.run(ctx, env)
		switch {
		case err == nil && check:
			err = r.compare(printed)
		case err == nil:
			err = os.WriteFile(r.seen(), []byte(printed), 0o644)
		}
		if ctx.Err() != nil {
			return errors.Join(failed, ctx.Err())
		}
		if err != nil {
			failed = errors.Join(failed, err)
			fmt.Printf("--- FAIL: %s (%.1fs)\n", r.folder(), time.Since(began).Seconds())
			continue
		}
		passed++
		fmt.Printf("--- PASS: %s (%.1fs)\n%s", r.folder(), time.Since(began).Seconds(), printed)
	}
	fmt.Printf("%d passed, %d failed\n", passed, len(chosen)-passed)
	return failed
}

func (r row) compare(printed string) error {
	before, err := os.ReadFile(r.seen())
	if err != nil {
		return err
	}
	if string(before) != printed {
		return fmt.Errorf("%s printed\n%sand before\n%s", r.name, printed, before)
	}
	return nil
}
