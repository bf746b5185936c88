//go:build linux

package lab

// OutsideEnv and ReportEnv are the variables of a process that is inside, and of the
// second one.
const (
	OutsideEnv = outsideEnv
	ReportEnv  = reportEnv
)

// Remedy gives tests the advice for a system whose settings they choose.
var Remedy = remedy

// Decode gives tests the decoder of frames.
var Decode = decode

// Pause keeps the capture from reading until resume is called.
func (c *Capture) Pause() (resume func()) {
	c.mu.Lock()
	return c.mu.Unlock
}
