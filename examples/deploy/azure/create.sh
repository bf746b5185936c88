#!/bin/sh
# Makes two backends and a public load balancer with floating IP for UDP port 60002 before
# them, in the subscription that az is set to.
set -eux

group=dsr
udp=60002  # the server's
http=8080  # its health check's

az group create --name $group --location westeurope

# 1. Network and firewall. Azure's default rule lets the probes in (AzureLoadBalancer), whose
# source is 168.63.129.16. Clients come with their own addresses.
az network vnet create --resource-group $group --name dsr --address-prefixes 10.128.0.0/16 \
	--subnet-name dsr --subnet-prefixes 10.128.0.0/24
az network nsg create --resource-group $group --name dsr
az network nsg rule create --resource-group $group --nsg-name dsr --name clients --priority 100 \
	--direction Inbound --access Allow --protocol Udp --source-address-prefixes Internet \
	--destination-address-prefixes '*' --destination-port-ranges $udp

# 2. The load balancer. With floating IP it leaves the destination as it is.
az network public-ip create --resource-group $group --name vip --sku Standard --version IPv4
az network lb create --resource-group $group --name dsr --sku Standard \
	--public-ip-address vip --frontend-ip-name vip --backend-pool-name backends
az network lb probe create --resource-group $group --lb-name dsr --name health \
	--protocol Http --port $http --path / --interval 5
az network lb rule create --resource-group $group --lb-name dsr --name udp --protocol Udp \
	--frontend-ip-name vip --frontend-port $udp --backend-pool-name backends --backend-port $udp \
	--probe-name health --enable-floating-ip true --disable-outbound-snat true

# 3. The backends.
for i in 1 2; do
	az network nic create --resource-group $group --name dsr-$i --vnet-name dsr --subnet dsr \
		--network-security-group dsr --lb-name dsr --lb-address-pools backends
	az vm create --resource-group $group --name dsr-$i --nics dsr-$i --image Debian12 \
		--generate-ssh-keys
done

az network public-ip show --resource-group $group --name vip --query ipAddress --output tsv
