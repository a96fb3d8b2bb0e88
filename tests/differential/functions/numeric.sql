1.5 + 2
1.10 - 0.1
1.5 * 2.25
10 / 4.0
1 / 3.0
10.0 / 0
7 / 2
-7 / 2
7 % 3
-7 % 3
7.5 % 2
7 / 0
mod(7,0)
2 ^ 10
2.0 ^ 0.5
2 ^ -1
|/ 25.0
||/ 27.0
@ -5
5 & 3
5 | 3
5 # 3
~ 5
1 << 4
16 >> 2
1 << 33
1::bigint << 33
abs(-17.4)
abs((-32768)::int2)
ceil(-42.8)
ceiling(42.1)
floor(-42.8)
round(42.4382,2)
round(42.5)
round(-42.5)
round(1234.567,-2)
round(2.5::float8)
round(3.5::float8)
trunc(42.8)
trunc(42.4382,2)
trunc(-42.8::float8)
sign(-8.4)
sign(0)
sqrt(2)
sqrt(2.0)
sqrt(-1)
cbrt(27.0)
exp(1.0)
exp(1)
ln(2.0)
ln(0)
log(100.0)
log(2,64)
log10(1000)
power(9,3)
power(9.0,0.5)
power(0,-1)
pi()
degrees(0.5)
radians(45.0)
div(9,4)
div(9.5,2)
div(9,0)
gcd(1071,462)
lcm(1071,462)
gcd(12.0,18.0)
factorial(5)
factorial(20)
factorial(-1)
scale(8.4100)
min_scale(8.4100)
trim_scale(8.4100)
width_bucket(5.35,0.024,10.06,5)
width_bucket(5.35::float8,0.024,10.06,5)
width_bucket(11,0,10,5)
width_bucket(-1,0,10,5)
width_bucket(1,0,10,0)
width_bucket(1,5,5,3)
sin(1)
cos(1)
tan(1)
asin(0.5)
acos(0.5)
atan(1)
atan2(1,2)
cot(1)
sinh(1)
cosh(1)
tanh(1)
asinh(1)
acosh(2)
atanh(0.5)
atanh(2)
acos(2)
2147483647 + 1
2147483647::bigint + 1
9223372036854775807 + 1
-2147483648
(-2147483648)::int4 / -1
(-9223372036854775808)::int8 / -1
32767::int2 + 1::int2
32767::int2 * 2::int2
1e10::int
1e10::bigint
1.5::int
2.5::int
-2.5::int
2.5::float8::int
3.5::float8::int
'123'::int
' 42 '::int
'abc'::int
'1e3'::int
'99999999999'::int
1::float8 / 3
1e308::float8 * 10
1e-308::float8 / 1e10
0.1::float8 + 0.2
0.1::float4 + 0.2::float4
1.1::float4::float8
1e20::float8::int
'NaN'::float8 = 'NaN'::float8
'NaN'::float8 > 1
'Infinity'::float8 - 'Infinity'::float8
'NaN'::numeric + 1
'Infinity'::numeric * -1
123456789012345678901234567890 * 2
123456789012345678901234567890.123456789 / 7
0.000001 * 0.000001
100000000000000000000.1 - 0.01
1.0 = 1.00
1.10 > 1.1
10.0::numeric > 9
'1.50'::numeric(5,1)
12345.678::numeric(5,2)
99.995::numeric(4,2)
1234.5::numeric(6,-2)
greatest(1,2.5,NULL)
least('a','B')
numeric '1e-5'
1.50::text
1e20::float8::text
1.0::float8::text
123456789.123456789::float4
random() >= 0 AND random() < 1
5::int2 + 5::int4
5::int4 * 5::int8
5 + 0.5::float4
2::numeric ^ 100
exp(5000.0)
ln(1e100)
1 / 3.0::float4
mod(10.5,3.2)
5.5 // 2
int4 '7' # 2
bool_and(true)
(1.005*100)::int
-0.0::float8
-('NaN'::float8)
-('NaN'::float4)
abs('NaN'::float8)
abs('NaN'::float4)
ceil('NaN'::float8)
floor('NaN'::float8)
trunc('NaN'::float8)
sign('NaN'::float8)
'NaN'::float8 > 1, 'NaN'::float8 = 'NaN'::float8, 'NaN'::float8 < 'Infinity', 1::float8 < 'NaN'
max(x) from (values (1::float8),('NaN'),('Infinity')) v(x)
ceil(-0.5::float8), floor(-0.0::float8), trunc(-0.5::float8), round(-0.4::float8), sign(-0.0::float8), abs(-0.0::float8), abs(-0.0::float4), -(0::float4)
ceil('Infinity'::float8), floor('-Infinity'::float8), abs('-Infinity'::float8), -'Infinity'::float8
