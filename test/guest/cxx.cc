// SPDX-License-Identifier: MIT
// kinds: glibc-static glibc-dynamic glibc-dynamic-nopie
// status: 5
// rewritten: 95
// stderr: same
// stdin: printf '1 2\n3 x\n'
// C++ programs: exceptions through many frames, run-time types, streams, thread-local objects, the
// library's containers, regular expressions, local statics, operator new that fails.
#include <algorithm>
#include <any>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <new>
#include <numeric>
#include <random>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <unordered_map>
#include <variant>
#include <vector>

namespace
{

struct Tracer {
    explicit Tracer(std::string n) : name(std::move(n))
    {
        std::cout << "+" << name << '\n';
    }
    ~Tracer()
    {
        std::cout << "-" << name << '\n';
    }
    Tracer(const Tracer &) = delete;
    Tracer &operator=(const Tracer &) = delete;
    std::string name;
};

struct Shape {
    virtual ~Shape() = default;
    virtual double area() const = 0;
};
struct Square : Shape {
    double side = 2;
    double area() const override
    {
        return side * side;
    }
};
struct Circle : Shape {
    double radius = 1;
    double area() const override
    {
        return 3 * radius * radius;
    }
};

struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

thread_local Tracer local("thread local");
thread_local int counter = 40;

[[gnu::noinline]] void deep(int n)
{
    Tracer t("frame " + std::to_string(n));
    if (n == 0)
        throw Failure("from the depth");
    deep(n - 1);
}

void exceptions()
{
    try {
        deep(3);
    } catch (const std::logic_error &e) {
        std::cout << "wrong handler\n";
    } catch (const std::exception &e) {
        std::cout << "caught " << e.what() << ", a Failure: " << (typeid(e) == typeid(Failure))
                  << '\n';
    }
    try {
        try {
            throw 42;
        } catch (...) {
            throw;
        }
    } catch (int n) {
        std::cout << "rethrown " << n << '\n';
    }
    try {
        std::vector<int>().at(3);
    } catch (const std::out_of_range &) {
        std::cout << "out of range\n";
    }
    try {
        ::operator new(std::size_t(1) << 60);
    } catch (const std::bad_alloc &) {
        std::cout << "bad alloc\n";
    }
    long caught = 0;
    for (int i = 0; i < 1000; i++) {
        try {
            throw std::to_string(i);
        } catch (const std::string &s) {
            caught += std::stol(s);
        }
    }
    std::cout << "sum of thrown: " << caught << '\n';
}

void types()
{
    std::vector<std::unique_ptr<Shape>> shapes;
    shapes.push_back(std::make_unique<Square>());
    shapes.push_back(std::make_unique<Circle>());
    for (const auto &s : shapes)
        std::cout << (dynamic_cast<Square *>(s.get()) ? "square " : "other ") << s->area() << '\n';
    Shape &shape = *shapes[1];
    try {
        (void)dynamic_cast<Square &>(shape);
    } catch (const std::bad_cast &) {
        std::cout << "bad cast\n";
    }
    std::any any = std::string("any");
    std::variant<int, std::string> variant = "variant";
    std::cout << std::any_cast<std::string>(any) << ' ' << std::get<std::string>(variant) << '\n';
}

void streams()
{
    std::cout << std::hex << std::showbase << 255 << std::dec << ' ' << std::fixed
              << std::setprecision(3) << 3.14159 << ' ' << std::setw(8) << std::setfill('*') << 42
              << '\n';
    std::ostringstream text;
    text << "a" << 1 << 2.5 << true;
    std::cout << text.str() << '\n';
    {
        std::ofstream out("lines.txt");
        for (int i = 0; i < 5; i++)
            out << "line " << i << '\n';
    }
    std::ifstream in("lines.txt");
    std::string line;
    int n = 0;
    while (std::getline(in, line))
        n += static_cast<int>(line.size());
    std::cout << n << " characters, end " << in.eof() << '\n';
    int a = 0, b = 0, c = 0, d = 9;
    std::cin >> a >> b >> c >> d;
    std::cout << a << b << c << d << ' ' << std::cin.fail() << '\n';
    std::ifstream missing("/does/not/exist");
    std::cout << "missing: " << missing.is_open() << '\n';
}

void library()
{
    std::map<std::string, int> words;
    std::istringstream text("the cat and the dog and the bird");
    for (std::string w; text >> w;)
        words[w]++;
    for (const auto &[word, count] : words)
        std::cout << word << ' ' << count << '\n';
    std::unordered_map<int, int> squares;
    for (int i = 0; i < 10000; i++)
        squares[i] = i * i % 1000;
    std::vector<int> v(100000);
    std::iota(v.begin(), v.end(), 0);
    std::shuffle(v.begin(), v.end(), std::minstd_rand(1));
    std::sort(v.begin(), v.end(), std::greater<>());
    std::cout << v[0] << ' ' << v.back() << ' ' << squares[777] << '\n';
    std::regex pattern(R"((\w+)@(\w+)\.com)");
    std::smatch match;
    std::string mail = "write to somebody@example.com now";
    if (std::regex_search(mail, match, pattern))
        std::cout << match[1] << " at " << match[2] << '\n';
    std::cout << std::regex_replace(mail, pattern, "<$2>") << '\n';
    std::function<int(int)> factorial = [&](int n) { return n < 2 ? 1 : n * factorial(n - 1); };
    std::cout << factorial(10) << ' ' << std::string(3000000, 'x').size() << '\n';
}

Tracer global("global");

Tracer &local_static()
{
    static Tracer t("local static");
    return t;
}

} // namespace

int main()
{
    counter += 2;
    std::cout << local.name << ' ' << counter << '\n';
    std::cout << local_static().name << ' ' << global.name << '\n';
    exceptions();
    types();
    streams();
    library();
    std::cerr << "to standard error" << std::endl;
    return 5;
}
