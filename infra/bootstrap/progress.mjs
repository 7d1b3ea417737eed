const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** One moving line on a terminal, one line per step elsewhere. */
export function createProgress(stream) {
  return stream.isTTY ? terminal(stream) : lines(stream);
}

function lines(stream) {
  return { step: title => stream.write(`v3: ${title}\n`), done: () => {} };
}

function terminal(stream) {
  let timer;
  const clear = () => stream.write('\r\x1b[K');
  const done = () => {
    if (!timer) return;
    clearInterval(timer);
    timer = undefined;
    clear();
  };
  const step = title => {
    done();
    const begin = Date.now();
    let frame = 0;
    const draw = () => {
      const line = `${frames[frame++ % frames.length]} ${title} (${Math.round((Date.now() - begin) / 1000)} s)`;
      // A line that wraps cannot be rewritten by a carriage return.
      stream.write(`\r\x1b[K${line.slice(0, (stream.columns || 80) - 1)}`);
    };
    draw();
    timer = setInterval(draw, 100);
  };
  return { step, done };
}
