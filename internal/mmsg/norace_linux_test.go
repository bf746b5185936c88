//go:build !race && !dsrudp_portable

package mmsg_test

const raceDetector = false
