#!/bin/sh
# Deletes what create.sh made, in the project that gcloud is set to. It goes on after an error
# (no set -e), so that it can be run again, and after a create.sh that failed halfway.
set -ux

region=us-central1
zone=us-central1-a
export CLOUDSDK_CORE_DISABLE_PROMPTS=1

# What costs money, and what depends on it.
gcloud compute forwarding-rules delete dsr4 dsr6 --region=$region
gcloud compute backend-services delete dsr --region=$region
gcloud compute instance-groups unmanaged delete dsr --zone=$zone
gcloud compute instances delete dsr-1 dsr-2 --zone=$zone
gcloud compute addresses delete dsr4 dsr6 --region=$region

gcloud compute health-checks delete dsr --region=$region
gcloud compute firewall-rules delete dsr-clients4 dsr-clients6 dsr-probes4 dsr-probes6 dsr-ssh
gcloud compute networks subnets delete dsr --region=$region
gcloud compute networks delete dsr
