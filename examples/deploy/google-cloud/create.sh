#!/bin/sh
# Makes two backends and an external passthrough Network Load Balancer for UDP port 60002
# before them, with a VIP for IPv4 and a range of VIPs for IPv6, in the project that gcloud
# is set to.
set -eux

region=us-central1
zone=us-central1-a
udp=60002  # the server's
http=8080  # its health check's

# 1. A network whose machines have external IPv6 addresses, which the default network has not.
gcloud compute networks create dsr --subnet-mode=custom
gcloud compute networks subnets create dsr --network=dsr --region=$region \
	--range=10.128.0.0/20 --stack-type=IPV4_IPV6 --ipv6-access-type=EXTERNAL

# 2. The firewall: clients from everywhere, and the probes of the health checks of this kind
# of load balancer. Rules have one family each.
gcloud compute firewall-rules create dsr-clients4 --network=dsr --target-tags=dsr \
	--allow=udp:$udp --source-ranges=0.0.0.0/0
gcloud compute firewall-rules create dsr-clients6 --network=dsr --target-tags=dsr \
	--allow=udp:$udp --source-ranges=::/0
gcloud compute firewall-rules create dsr-probes4 --network=dsr --target-tags=dsr \
	--allow=tcp:$http --source-ranges=35.191.0.0/16,209.85.152.0/22,209.85.204.0/22
gcloud compute firewall-rules create dsr-probes6 --network=dsr --target-tags=dsr \
	--allow=tcp:$http --source-ranges=2600:1901:8001::/48
gcloud compute firewall-rules create dsr-ssh --network=dsr --target-tags=dsr \
	--allow=tcp:22 --source-ranges=35.235.240.0/20 # gcloud compute ssh --tunnel-through-iap

# 3. The backends.
gcloud compute instances create dsr-1 dsr-2 --zone=$zone --subnet=dsr --tags=dsr \
	--stack-type=IPV4_IPV6 --image-family=debian-12 --image-project=debian-cloud
gcloud compute instance-groups unmanaged create dsr --zone=$zone
gcloud compute instance-groups unmanaged add-instances dsr --zone=$zone --instances=dsr-1,dsr-2

# 4. The VIPs. That of IPv6 is a range of 2^32 addresses, a /96.
gcloud compute addresses create dsr4 --region=$region
gcloud compute addresses create dsr6 --region=$region --subnet=dsr --ip-version=IPV6 \
	--endpoint-type=NETLB

# 5. The load balancer. A backend that fails its check twice gets no more requests: 4 seconds.
gcloud compute health-checks create http dsr --region=$region --port=$http --request-path=/ \
	--check-interval=2s --timeout=1s --unhealthy-threshold=2 --healthy-threshold=2
gcloud compute backend-services create dsr --region=$region --load-balancing-scheme=EXTERNAL \
	--protocol=UDP --health-checks=dsr --health-checks-region=$region
gcloud compute backend-services add-backend dsr --region=$region \
	--instance-group=dsr --instance-group-zone=$zone
gcloud compute forwarding-rules create dsr4 --region=$region --load-balancing-scheme=EXTERNAL \
	--ip-protocol=UDP --ports=$udp --address=dsr4 --backend-service=dsr
gcloud compute forwarding-rules create dsr6 --region=$region --load-balancing-scheme=EXTERNAL \
	--ip-protocol=UDP --ports=$udp --address=dsr6 --backend-service=dsr --ip-version=IPV6 --subnet=dsr

gcloud compute forwarding-rules list --regions=$region --format='value(name, IPAddress)'
