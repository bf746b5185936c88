// Package deploy has no code but tests. Its directories are guides, each with files to copy,
// which the tests check with the programs that they are for.
package deploy
