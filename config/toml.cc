/* toml.cc - see toml.h. C++ only because the TOML library that Debian 12 has is; nothing of it leaves this file. */
#include "config/toml.h"

#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string_view>
#include <toml++/toml.h>

namespace
{

char *copy(std::string_view s) noexcept
{
    char *p = static_cast<char *>(std::malloc(s.size() + 1));
    if (p) {
        std::memcpy(p, s.data(), s.size());
        p[s.size()] = '\0';
    }
    return p;
}

} // namespace

extern "C" char *toml_to_json(const char *text, size_t n, char **ret_problem, int *ret_line)
{
    *ret_problem = nullptr;
    *ret_line = 0;
    try {
        const toml::table table = toml::parse(std::string_view(text, n));
        std::ostringstream out;
        out << toml::json_formatter(table);
        return copy(out.str());
    } catch (const toml::parse_error &problem) {
        *ret_problem = copy(problem.description());
        *ret_line = static_cast<int>(problem.source().begin.line);
    } catch (const std::exception &problem) {
        *ret_problem = copy(problem.what());
    }
    return nullptr;
}

extern "C" void toml_free(char *text)
{
    std::free(text);
}
