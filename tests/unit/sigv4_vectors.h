/* method, target, header, host, region, service, payload, Authorization */
{"GET",
 "/?Action=ListUsers&Version=2010-05-08",
 "Content-Type: application/x-www-form-urlencoded; charset=utf-8",
 "iam.amazonaws.com",
 "us-east-1",
 "iam",
 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
 "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
 "SignedHeaders=content-type;host;x-amz-date, "
 "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
    {"GET",
     "/",
     NULL,
     "example.amazonaws.com",
     "us-east-1",
     "service",
     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
     "SignedHeaders=host;x-amz-date, "
     "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"GET",
     "/?b=2&a=1&a=0&a-b=x&A=%2f&c",
     NULL,
     "example.amazonaws.com",
     "us-east-1",
     "service",
     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
     "SignedHeaders=host;x-amz-date, "
     "Signature=3215cb06c7a3cb7aa6453634acf97c41e49f251b64959dfbbae966db2f7205df"},
    {"POST",
     "/model/anthropic.claude%3Av1%2Fx/invoke",
     "X-Amz-Thing:   a   b ",
     "bedrock-runtime.eu-west-1.amazonaws.com",
     "eu-west-1",
     "bedrock",
     "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
     "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/bedrock/aws4_request, "
     "SignedHeaders=host;x-amz-date;x-amz-thing, "
     "Signature=f99b14e5688bee86cbf7ca34c802610fd66bcc65dd0b27b55aaaddaec0946433"},
    {"PUT",
     "/a%20b/c+d/%C3%A9~(1)",
     NULL,
     "bucket.s3.eu-west-1.amazonaws.com",
     "eu-west-1",
     "s3",
     "UNSIGNED-PAYLOAD",
     "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/s3/aws4_request, "
     "SignedHeaders=host;x-amz-date, "
     "Signature=a904f360f77b5bf212c2d892d22b15907fd5a8dff6c49ddb8b8e919681acfe6f"},
    {"GET",
     "/x//y/",
     "Accept: */*",
     "example.amazonaws.com",
     "us-east-1",
     "service",
     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
     "SignedHeaders=host;x-amz-date, "
     "Signature=7d93526ee19c321f33e39776cf678a864d4334a3d4d8aaac472fbb2065bcc52c"},
