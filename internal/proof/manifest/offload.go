package main

var offload = section{"Segmentation offload", []row{
	{"K6.1", "UDP_SEGMENT goes with packet information in either order, over a cable and within the host, for IPv4, IPv6 and IPv4-mapped addresses. So does UDP_GRO, and what the kernel takes apart for a socket without it has the destination on every datagram.", []proof{
		"internal/lab/facts TestK6_1_SegmentsFromVIP",
		"internal/lab/facts TestK6_1_TrainsToVIP",
		"dsrudp TestTrainSplit",
		"dsrudp TestTrainWhole",
		"dsrudp TestTrainBroadcast",
		"dsrudp TestGRO",
	}},
	{"K6.2", "A message has at most 128 segments (64 before Linux 6.9), and 65507 bytes (IPv4) or 65527 (IPv6). A segment that is longer than the path takes is EMSGSIZE, as segments are never fragmented.", []proof{
		"internal/lab/facts TestK6_2_Limits",
		"internal/lab/facts TestK6_4_SegmentsTooLong",
	}},
	{"K6.3", "Of a train that is longer than the buffer whole datagrams are lost, and MSG_TRUNC says so.", []proof{
		"internal/lab/facts TestK6_3_ShortBuffer",
	}},
	{"K6.4", "A message of segments fails with EINVAL and ENETUNREACH for a bad source as well, which is no reason to send without segments from then on, or without the source. Where it is the segments (EMSGSIZE, EINVAL, EIO of a device that cannot do them) the datagrams leave one by one, and the address is given no more of those for a time.", []proof{
		"internal/lab/facts TestK6_4_BadSource",
		"internal/lab/facts TestK6_4_SegmentsTooLong",
		"internal/lab/facts TestK6_4_WithdrawnSource",
		"internal/lab/facts TestWithdrawn_WritePackets",
		"dsrudp TestMergedBadSource",
		"dsrudp TestOffloadInvalid",
		"dsrudp TestOffloadUnable",
	}},
	{"K6.6", "Who reads a socket with UDP_GRO and does not know that takes a train for one datagram.", []proof{
		"internal/lab/facts TestK6_6_TrainTakenForDatagram",
	}},
	{"K6.7", "IP_RECVTOS and IPV6_RECVTCLASS tell the mark (ECN) of each datagram, and of a train that of all its datagrams. A mark goes with source and segment size, and what is sent with it replaces the socket's whole field, so it carries the socket's differentiated services too.", []proof{
		"dsrudp TestECNReceived",
		"dsrudp TestECNSent",
		"dsrudp TestECNClassSetLater",
		"dsrudp TestGRO",
		"dsrudp TestTrainSplit",
	}},
	{"K6.8", "With NoOffload each datagram leaves by itself, those of a train too.", []proof{
		"dsrudp TestNoOffload",
		"dsrudp TestTrainNoOffload",
	}},
}}

var batches = section{"Batches", []row{
	{"K7.1", "When message k of a sendmmsg is bad it returns k, and k's error only to the next call, which begins with it. The messages behind it are to be sent all the same.", []proof{
		"internal/lab/facts TestK7_1_BadMessage",
		"internal/lab/facts TestK7_1_ErrorsOfTheWay",
		"internal/lab/facts TestBatch_PrefixInGroup",
		"dsrudp TestWritePacketsTriesAll",
	}},
	{"K7.2", "recvmmsg puts lengths where it found sizes: they are to be reset before every call.", []proof{
		"internal/lab/facts TestK7_2_ResetHeaders",
	}},
	{"K7.3", "A short sendmmsg does not say that the socket is full.", []proof{
		"internal/lab/facts TestK7_3_ShortIsNotFull",
		"dsrudp TestOnError",
	}},
	{"K7.4", "Where a seccomp filter forbids sendmmsg and recvmmsg (EPERM, ENOSYS), single calls do their work. What netfilter says of a datagram is EPERM too, and no word about the call.", []proof{
		"internal/mmsg TestBatchForbidden",
		"internal/lab/facts TestK8_3_FilterForbidsNoCall",
	}},
}}
