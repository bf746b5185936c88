//go:build linux

package lab

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// onThread runs f on an OS thread that runs nothing else and is thrown away
// afterwards, so that f may change what belongs to a thread, the network
// namespace above all. It returns what f returned. If f ended by
// [runtime.Goexit], as a test does that fails in it, so does the caller.
//
// The thread is never the process's first one. /proc/self and /proc/net speak
// of that thread, and it does not end with its goroutine: moved to another
// namespace it would take the program's view of itself along, for good.
func onThread(f func() error) (err error) {
	returned := false
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // not unlocked: the thread ends with the goroutine
		if unix.Gettid() == unix.Getpid() {
			// While this goroutine holds the first thread another one cannot
			// be given it.
			defer runtime.UnlockOSThread()
			err = onThread(f)
		} else {
			err = f()
		}
		returned = true
	}()
	<-done
	if !returned {
		runtime.Goexit()
	}
	return err
}
