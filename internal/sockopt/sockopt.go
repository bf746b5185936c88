// Package sockopt sets and reads the socket options that a listener needs
// beside the control messages' own.
//
// A descriptor's options are those of its open file description: they hold for
// every duplicate of it.
package sockopt
