package allocator

import "sync"

// maxIdle bounds the goroutines a crew keeps for later work.
const maxIdle = 256

// crew runs work on goroutines that stay for more of it, so that a busy
// allocator starts none per request. It starts another one whenever none is
// idle: work that blocks never keeps other work waiting.
type crew[T any] struct {
	work func(T)
	todo chan T        // unbuffered: a send succeeds only while a goroutine is idle
	stop chan struct{} // closed by close: idle goroutines end
	wg   sync.WaitGroup
	idle chan struct{} // one token per idle goroutine
}

func newCrew[T any](work func(T)) *crew[T] {
	return &crew[T]{
		work: work,
		todo: make(chan T),
		stop: make(chan struct{}),
		idle: make(chan struct{}, maxIdle),
	}
}

// run has t worked on, and does not wait for it.
func (c *crew[T]) run(t T) {
	select {
	case c.todo <- t:
	default:
		c.wg.Go(func() { c.member(t) })
	}
}

func (c *crew[T]) member(t T) {
	for {
		c.work(t)
		select {
		case c.idle <- struct{}{}:
		default:
			return // enough of us wait already
		}
		select {
		case t = <-c.todo:
			<-c.idle
		case <-c.stop:
			return
		}
	}
}

// close ends the idle goroutines and waits for the busy ones. Nothing may be
// run from then on.
func (c *crew[T]) close() {
	close(c.stop)
	c.wg.Wait()
}
