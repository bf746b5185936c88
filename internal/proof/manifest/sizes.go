package main

var sizes = section{"Errors and sizes", []row{
	{"K8.1", "0 to 65507 bytes (IPv4) or 65527 (IPv6) go there and back with the source kept on every fragment. One more is EMSGSIZE.", []proof{
		"internal/lab/facts TestK8_1_Sizes",
	}},
	{"K8.2", "ICMP errors do not reach an unconnected socket. With IP_RECVERR one client's would fail the next send to another, which is then not sent.", []proof{
		"internal/lab/facts TestK8_2_ICMPOfAnotherClient",
	}},
	{"K8.3", "A send dropped by netfilter is EPERM, one without a route ENETUNREACH, to an unreachable route EHOSTUNREACH, to a prohibited one EACCES, to a blackhole EINVAL. The last and the second may also mean the source, so its locality decides what the error was.", []proof{
		"internal/lab/facts TestK8_3_ErrorsOfTheWay",
	}},
	{"K8.4", "A full send buffer is EAGAIN, and a datagram larger than it ENOBUFS or EMSGSIZE.", []proof{
		"internal/lab/facts TestK8_4_SendBufferFull",
		"internal/lab/facts TestK8_4_CloseWhileFull",
		"internal/lab/facts TestK8_4_LargerThanSendBuffer",
		"internal/lab/facts TestK8_4_ServerFull",
		"internal/lab/facts TestK8_4_BlockingDescriptionFull",
		"internal/lab/facts TestK8_4_BatchesWhileFull",
		"internal/lab/facts TestK8_4_CloseWhileListWaits",
		"internal/lab/facts TestK8_4_LargerThanSendBufferInList",
		"internal/lab/facts TestK8_4_ReadWhileHeld",
		"internal/lab/facts TestK8_4_NoRoomNotCounted",
	}},
}}
