# The contract's call in Ruby with net/http: GET with the body {}.

require 'erb'
require 'net/http'

base, workspace, name = ARGV
w, n = [workspace, name].map { |segment| ERB::Util.url_encode(segment) }
url = URI("#{base}/apis/jobs/v2/workspaces/#{w}/jobs/#{n}/status")

http = Net::HTTP.new(url.host, url.port)
http.use_ssl = url.scheme == 'https'

request = Net::HTTP::Get.new(url)
request['Content-Type'] = 'application/json'
request.body = '{}'

response = http.request(request)
abort "#{response.code} #{response.message}: #{response.body}" unless response.code == '200'
print response.read_body
