package main

// System calls that a signal interrupted.
var interrupting = []breakage{
	{
		name: "interrupted call on several messages not made again",
		edits: []edit{{
			"internal/mmsg/syscall_linux.go",
			"\t\tcase unix.EINTR:\n",
			"",
		}},
		by: []selection{tests(mmsg, "^TestInterrupted$")},
	},
	{
		name: "interrupted call on one message not made again",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"\t\t\tcase unix.EINTR:\n\t\t\t\tcontinue\n",
			"",
		}},
		by: []selection{tests(mmsg, "^TestInterrupted$")},
	},
}
