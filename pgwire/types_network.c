/* types_network.c - codecs of inet, cidr, macaddr and macaddr8. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>

#include "pgwire/types_internal.h"

struct address {
    bool v6;
    int bits;
    unsigned char bytes[16];
};

enum { NETWORK_TEXT_MAX = 64 };

static int address_size(const struct address *a)
{
    return a->v6 ? 16 : 4;
}

static bool keep(const struct type_io *io, const char *text, size_t n, struct value *ret)
{
    struct str copy = arena_str(io->arena, (struct str){ text, n });
    *ret = value_text(copy);
    return copy.p ? true : err_oom(io->err);
}

/* ---- text to address */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "/24" up to the end of the text; -1 when there is none. False for anything else. */
static bool scan_bits(const char *s, int max, int *ret)
{
    int bits = 0;
    *ret = -1;
    if (*s == 0)
        return true;
    if (*s++ != '/' || !is_digit(*s))
        return false;
    for (; is_digit(*s); s++)
        if ((bits = bits * 10 + (*s - '0')) > max)
            return false;
    *ret = bits;
    return *s == 0;
}

/* Up to four numbers and points; gives how many there were and where they ended. */
static bool scan_octets(const char *s, bool point_may_end, struct address *a, int *ret_n, const char **ret_end)
{
    int n = 0;
    while (is_digit(*s)) {
        int v = 0;
        for (; is_digit(*s); s++)
            if ((v = v * 10 + (*s - '0')) > 255)
                return false;
        if (n == 4)
            return false;
        a->bytes[n++] = (unsigned char)v;
        if (*s != '.')
            break;
        s++;
        if (!is_digit(*s) && !point_may_end)
            return false;
    }
    *ret_n = n;
    *ret_end = s;
    return n > 0;
}

/* cidr in hexadecimal: 0x0a01 */
static bool scan_hex(const char *s, struct address *a, int *ret_n, const char **ret_end)
{
    int nibbles = 0;
    for (; isxdigit((unsigned char)*s); s++, nibbles++) {
        if (nibbles == 8)
            return false;
        int v = is_digit(*s) ? *s - '0' : (*s | 32) - 'a' + 10;
        a->bytes[nibbles / 2] |= (unsigned char)(nibbles % 2 ? v : v << 4);
    }
    *ret_n = (nibbles + 1) / 2;
    *ret_end = s;
    return true;
}

/* The width of a network's class where a cidr names none, wide enough for the numbers written. */
static int class_bits(const struct address *a, int n)
{
    int first = a->bytes[0];
    int bits = first >= 240 ? 32 : first >= 224 ? 8 : first >= 192 ? 24 : first >= 128 ? 16 : 8;
    if (bits < n * 8)
        bits = n * 8;
    return bits == 8 && first == 224 ? 4 : bits;
}

static bool scan_v4(const char *s, bool is_cidr, struct address *a)
{
    int n;
    const char *end;
    bool hex = is_cidr && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && isxdigit((unsigned char)s[2]);
    if (hex ? !scan_hex(s + 2, a, &n, &end) : !scan_octets(s, !is_cidr, a, &n, &end))
        return false;
    if (!scan_bits(end, 32, &a->bits))
        return false;
    if (a->bits >= 0)
        return is_cidr || a->bits / 8 <= n;
    a->bits = is_cidr ? class_bits(a, n) : 32;
    return is_cidr || n == 4;
}

/* PostgreSQL lets the IPv4 address at the end be short and have gaps: "::10.127" is ::10.127.0.0, "::1..2.3" is ::1.0.2.3. */
static void fill_v4_tail(char *host, size_t size)
{
    char tail[INET6_ADDRSTRLEN];
    char *colon = strrchr(host, ':'), *start = colon ? colon + 1 : host;
    size_t n = 0;
    int points = 0;
    if (!strchr(start, '.') || start[strlen(start) - 1] == '.')
        return;
    for (const char *p = start; *p && n + 10 < sizeof(tail); p++) {
        if (*p == '.' && (p == start || p[-1] == '.'))
            tail[n++] = '0';
        points += *p == '.';
        tail[n++] = *p;
    }
    for (; points < 3; points++, n += 2)
        memcpy(tail + n, ".0", 2);
    tail[n] = 0;
    if ((size_t)(start - host) + n < size)
        memcpy(start, tail, n + 1);
}

static bool scan_v6(const char *s, struct address *a)
{
    char host[INET6_ADDRSTRLEN];
    size_t n = strcspn(s, "/");
    if (n >= sizeof(host))
        return false;
    memcpy(host, s, n);
    host[n] = 0;
    fill_v4_tail(host, sizeof(host));
    a->v6 = true;
    if (inet_pton(AF_INET6, host, a->bytes) != 1 || !scan_bits(s + n, 128, &a->bits))
        return false;
    /* "/024" is no width */
    if (a->bits > 0 && s[n + 1] == '0')
        return false;
    if (a->bits < 0)
        a->bits = 128;
    return true;
}

static bool has_host_bits(const struct address *a)
{
    for (int i = a->bits; i < address_size(a) * 8; i++)
        if (a->bytes[i / 8] >> (7 - i % 8) & 1)
            return true;
    return false;
}

static bool scan_address(const struct type_io *io, struct str text, bool is_cidr, struct address *a)
{
    char s[NETWORK_TEXT_MAX];
    const char *name = is_cidr ? "cidr" : "inet";
    *a = (struct address){ 0 };
    if (text.n >= sizeof(s))
        return io_bad_text(io, name, text);
    memcpy(s, text.p ? text.p : "", text.n);
    s[text.n] = 0;
    if (strchr(s, ':') ? !scan_v6(s, a) : !scan_v4(s, is_cidr, a))
        return io_bad_text(io, name, text);
    if (!is_cidr || !has_host_bits(a))
        return true;
    err_set(io->err, SQLSTATE_INVALID_TEXT_REPRESENTATION, "invalid cidr value: \"%.*s\"", STR_FMT(text));
    return err_detail(io->err, "Value has bits set to right of mask.");
}

/* ---- address to text */

/* Not inet_ntop: PostgreSQL shows more addresses with an embedded IPv4 one. The longest run of zero words as "::", an embedded IPv4 address with points. */
struct run {
    int start, n;
};

static struct run longest_zeros(const unsigned *words)
{
    struct run best = { -1, 1 }, now = { -1, 0 };
    for (int i = 0; i <= 8; i++) {
        if (i < 8 && words[i] == 0) {
            if (now.n++ == 0)
                now.start = i;
            continue;
        }
        if (now.n > best.n)
            best = now;
        now.n = 0;
    }
    return best;
}

static size_t print_v6(char *out, size_t size, const unsigned char *bytes)
{
    unsigned words[8];
    size_t n = 0;
    for (int i = 0; i < 8; i++)
        words[i] = (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
    struct run zeros = longest_zeros(words);
    bool mapped =
        zeros.start == 0 && (zeros.n == 6 || (zeros.n == 7 && words[7] != 1) || (zeros.n == 5 && words[5] == 0xFFFF));
    for (int i = 0; i < 8; i++) {
        if (i >= zeros.start && i < zeros.start + zeros.n) {
            if (i == zeros.start)
                out[n++] = ':';
            continue;
        }
        if (i)
            out[n++] = ':';
        if (i == 6 && mapped)
            return n + (size_t)snprintf(out + n, size - n, "%d.%d.%d.%d", bytes[12], bytes[13], bytes[14], bytes[15]);
        n += (size_t)snprintf(out + n, size - n, "%x", words[i]);
    }
    if (zeros.start + zeros.n == 8)
        out[n++] = ':';
    return n;
}

static size_t print_address(char *out, const struct address *a, bool is_cidr)
{
    size_t n, size = NETWORK_TEXT_MAX;
    if (a->v6)
        n = print_v6(out, size, a->bytes);
    else
        n = (size_t)snprintf(out, size, "%d.%d.%d.%d", a->bytes[0], a->bytes[1], a->bytes[2], a->bytes[3]);
    if (is_cidr || a->bits != address_size(a) * 8)
        n += (size_t)snprintf(out + n, size - n, "/%d", a->bits);
    return n;
}

/* ---- binary: family, width, cidr or not, length, address */

enum { FAMILY_V4 = 2, FAMILY_V6 = 3 };

static bool bad_external(const struct type_io *io, const char *what, bool is_cidr)
{
    return err_set(io->err, SQLSTATE_INVALID_BINARY_REPRESENTATION, "invalid %s in external \"%s\" value", what,
                   is_cidr ? "cidr" : "inet");
}

static bool receive_address(const struct type_io *io, struct str bytes, bool is_cidr, struct value *ret)
{
    char text[NETWORK_TEXT_MAX];
    if (bytes.n < 1)
        return io_short(io);
    struct address a = { .v6 = bytes.p[0] == FAMILY_V6 };
    if (bytes.p[0] != FAMILY_V4 && bytes.p[0] != FAMILY_V6)
        return bad_external(io, "address family", is_cidr);
    if (bytes.n < 4)
        return io_short(io);
    a.bits = (unsigned char)bytes.p[1];
    int size = address_size(&a);
    if (a.bits > size * 8)
        return bad_external(io, "bits", is_cidr);
    if ((unsigned char)bytes.p[3] != size)
        return bad_external(io, "length", is_cidr);
    if (bytes.n != 4 + (size_t)size)
        return bytes.n < 4 + (size_t)size ? io_short(io) : io_bad_binary(io);
    memcpy(a.bytes, bytes.p + 4, (size_t)size);
    if (is_cidr && has_host_bits(&a)) {
        err_set(io->err, SQLSTATE_INVALID_BINARY_REPRESENTATION, "invalid external \"cidr\" value");
        return err_detail(io->err, "Value has bits set to right of mask.");
    }
    return keep(io, text, print_address(text, &a, is_cidr), ret);
}

static bool send_address(const struct type_io *io, const struct value *v, bool is_cidr, struct buf *out)
{
    struct address a;
    if (!scan_address(io, v->bytes, is_cidr, &a))
        return false;
    int size = address_size(&a);
    buf_add(out, (char[]){ (char)(a.v6 ? FAMILY_V6 : FAMILY_V4), (char)a.bits, is_cidr, (char)size }, 4);
    buf_add(out, a.bytes, (size_t)size);
    return true;
}

static bool in_address(const struct type_io *io, struct str text, bool is_cidr, struct value *ret)
{
    struct address a;
    char printed[NETWORK_TEXT_MAX];
    return scan_address(io, text, is_cidr, &a) && keep(io, printed, print_address(printed, &a, is_cidr), ret);
}

static bool out_address(const struct type_io *io, const struct value *v, bool is_cidr, struct buf *out)
{
    struct address a;
    char printed[NETWORK_TEXT_MAX];
    if (!scan_address(io, v->bytes, is_cidr, &a))
        return false;
    buf_add(out, printed, print_address(printed, &a, is_cidr));
    return true;
}

#define ADDRESS_CODEC(type, is_cidr)                                                                                   \
    static bool type##_in(const struct type_io *io, struct str text, struct value *ret)                                \
    {                                                                                                                  \
        return in_address(io, text, is_cidr, ret);                                                                     \
    }                                                                                                                  \
    static bool type##_out(const struct type_io *io, const struct value *v, struct buf *out)                           \
    {                                                                                                                  \
        return out_address(io, v, is_cidr, out);                                                                       \
    }                                                                                                                  \
    static bool type##_receive(const struct type_io *io, struct str bytes, struct value *ret)                          \
    {                                                                                                                  \
        return receive_address(io, bytes, is_cidr, ret);                                                               \
    }                                                                                                                  \
    static bool type##_send(const struct type_io *io, const struct value *v, struct buf *out)                          \
    {                                                                                                                  \
        return send_address(io, v, is_cidr, out);                                                                      \
    }                                                                                                                  \
    const struct type_codec codec_##type = { type##_in, type##_out, type##_receive, type##_send, false, false };

ADDRESS_CODEC(inet, false)
ADDRESS_CODEC(cidr, true)

/* ---- macaddr: the spellings that PostgreSQL lets in, read with its own patterns */

static bool scan_mac(const char *s, unsigned *v)
{
    static const char *const patterns[] = {
        "%x:%x:%x:%x:%x:%x%1s",    "%x-%x-%x-%x-%x-%x%1s",    "%2x%2x%2x:%2x%2x%2x%1s", "%2x%2x%2x-%2x%2x%2x%1s",
        "%2x%2x.%2x%2x.%2x%2x%1s", "%2x%2x-%2x%2x-%2x%2x%1s", "%2x%2x%2x%2x%2x%2x%1s",
    };
    char junk[2];
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        int n = sscanf(s, patterns[i], &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], junk);
#pragma GCC diagnostic pop
        if (n == 6)
            return true;
    }
    return false;
}

static bool parse_mac(const struct type_io *io, struct str text, unsigned char *bytes)
{
    unsigned v[6];
    const char *s = arena_cstr(io->arena, text);
    if (!s)
        return err_oom(io->err);
    if (!scan_mac(s, v))
        return io_bad_text(io, "macaddr", text);
    for (int i = 0; i < 6; i++) {
        if (v[i] > 255)
            return err_set(io->err, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE,
                           "invalid octet value in \"macaddr\" value: \"%.*s\"", STR_FMT(text));
        bytes[i] = (unsigned char)v[i];
    }
    return true;
}

/* Hexadecimal pairs with colons. */
static size_t print_mac(char *out, const unsigned char *bytes, int n)
{
    static const char digits[] = "0123456789abcdef";
    char *at = out;
    for (int i = 0; i < n; i++) {
        if (i)
            *at++ = ':';
        *at++ = digits[bytes[i] >> 4];
        *at++ = digits[bytes[i] & 15];
    }
    return (size_t)(at - out);
}

static bool keep_mac(const struct type_io *io, const unsigned char *bytes, int n, struct value *ret)
{
    char text[24];
    return keep(io, text, print_mac(text, bytes, n), ret);
}

static bool macaddr_in(const struct type_io *io, struct str text, struct value *ret)
{
    unsigned char bytes[6];
    return parse_mac(io, text, bytes) && keep_mac(io, bytes, 6, ret);
}

static bool macaddr_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    unsigned char bytes[6];
    char text[24];
    if (!parse_mac(io, v->bytes, bytes))
        return false;
    buf_add(out, text, print_mac(text, bytes, 6));
    return true;
}

static bool macaddr_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    if (bytes.n != 6)
        return bytes.n < 6 ? io_short(io) : io_bad_binary(io);
    return keep_mac(io, (const unsigned char *)bytes.p, 6, ret);
}

static bool macaddr_send(const struct type_io *io, const struct value *v, struct buf *out)
{
    unsigned char bytes[6];
    if (!parse_mac(io, v->bytes, bytes))
        return false;
    buf_add(out, bytes, 6);
    return true;
}

const struct type_codec codec_macaddr = { macaddr_in, macaddr_out, macaddr_receive, macaddr_send, false, false };

/* ---- macaddr8: pairs of digits, one kind of separator anywhere between them; six bytes get FF FE in the middle */

static void widen_mac(unsigned char *bytes)
{
    memmove(bytes + 5, bytes + 3, 3);
    bytes[3] = 0xFF;
    bytes[4] = 0xFE;
}

/* Blanks at the end, and nothing behind them. */
static bool only_space(struct str s, size_t at)
{
    while (at < s.n && is_space(s.p[at]))
        at++;
    return at == s.n;
}

static bool scan_mac8(struct str s, unsigned char *bytes)
{
    size_t at = 0;
    int n = 0;
    char separator = 0;
    while (at < s.n && is_space(s.p[at]))
        at++;
    while (at + 1 < s.n) {
        int high = hex_digit(s.p[at]), low = hex_digit(s.p[at + 1]);
        if (n == 8 || high < 0 || low < 0)
            return false;
        bytes[n++] = (unsigned char)(high << 4 | low);
        at += 2;
        if (at < s.n && strchr(":-.", s.p[at])) {
            if (separator && separator != s.p[at])
                return false;
            separator = s.p[at++];
        }
        if ((n == 6 || n == 8) && at < s.n && is_space(s.p[at])) {
            if (!only_space(s, at))
                return false;
            break;
        }
    }
    if (n == 6)
        widen_mac(bytes);
    return n == 6 || n == 8;
}

static bool parse_mac8(const struct type_io *io, struct str text, unsigned char *bytes)
{
    return scan_mac8(text, bytes) || io_bad_text(io, "macaddr8", text);
}

static bool macaddr8_in(const struct type_io *io, struct str text, struct value *ret)
{
    unsigned char bytes[8];
    return parse_mac8(io, text, bytes) && keep_mac(io, bytes, 8, ret);
}

static bool macaddr8_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    unsigned char bytes[8];
    char text[24];
    if (!parse_mac8(io, v->bytes, bytes))
        return false;
    buf_add(out, text, print_mac(text, bytes, 8));
    return true;
}

static bool macaddr8_receive(const struct type_io *io, struct str in, struct value *ret)
{
    unsigned char bytes[8];
    if (in.n != 6 && in.n != 8)
        return in.n < 8 ? io_short(io) : io_bad_binary(io);
    memcpy(bytes, in.p, in.n);
    if (in.n == 6)
        widen_mac(bytes);
    return keep_mac(io, bytes, 8, ret);
}

static bool macaddr8_send(const struct type_io *io, const struct value *v, struct buf *out)
{
    unsigned char bytes[8];
    if (!parse_mac8(io, v->bytes, bytes))
        return false;
    buf_add(out, bytes, 8);
    return true;
}

const struct type_codec codec_macaddr8 = { macaddr8_in, macaddr8_out, macaddr8_receive, macaddr8_send, false, false };
