// Code that every tier of the compiler sees, types that change under it, and much garbage.
"use strict";
class Vector {
  constructor(x, y) { this.x = x; this.y = y; }
  add(o) { return new Vector(this.x + o.x, this.y + o.y); }
}
function sum(list) {
  let v = new Vector(0, 0);
  for (const p of list) v = v.add(p);
  return v.x + v.y;
}
const points = Array.from({ length: 1000 }, (_, i) => new Vector(i, i / 2));
let total = 0;
for (let i = 0; i < 2000; i++) total += sum(points);
console.log("vectors", total);

function polymorph(a, b) { return a + b; } // optimised, then not any more
let mixed = 0;
for (let i = 0; i < 1e6; i++) mixed = polymorph(mixed, i) % 1000003;
console.log("numbers", mixed, polymorph("te", "xt"), polymorph([1], 2), polymorph(1n, 2n));

const seen = new Map();
for (let i = 0; i < 400000; i++) {
  const key = "k" + (i % 5003);
  seen.set(key, (seen.get(key) || 0) + i);
}
console.log("map", seen.size, seen.get("k17"));

let text = "";
for (let i = 0; i < 50000; i++) text += String.fromCharCode(97 + (i % 26));
console.log("regexp", text.match(/x[yz]+a/g).length, text.replace(/[aeiou]/g, "").length);

const field = new Float64Array(1 << 16);
for (let round = 0; round < 40; round++) {
  for (let i = 0; i < field.length; i++) field[i] = Math.sqrt(field[i] * 1.5 + i);
}
console.log("floats", field[12345].toFixed(6));

function* numbers(n) { for (let i = 0; i < n; i++) yield i; }
let generated = 0;
for (const i of numbers(300000)) generated += i;
console.log("generated", generated);
console.log("sorted", Array.from({ length: 100000 }, (_, i) => (i * 7919) % 100003)
  .sort((a, b) => a - b)[50000]);
console.log("big", (3n ** 2000n % 1000000007n).toString());
console.log("json", JSON.stringify(JSON.parse(JSON.stringify(points))).length);
for (let i = 0; i < 200; i++) new Function("a", `return a + ${i}`)(i); // compiled at run time
const f = eval("(n) => n < 2 ? n : f(n - 1) + f(n - 2)");
console.log("fib", f(25));
